package dev.palimpsest.engine.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.palimpsest.engine.backend.host.HostBackend;
import dev.palimpsest.engine.backend.host.TinyFamily;
import dev.palimpsest.engine.backend.host.TinyLlada;
import dev.palimpsest.engine.device.CudaOptions;
import dev.palimpsest.engine.device.DeviceException;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.engine.forward.Transformer;
import dev.palimpsest.engine.probe.Hook;
import dev.palimpsest.engine.probe.Patch;
import dev.palimpsest.engine.probe.Point;
import dev.palimpsest.engine.probe.Probe;
import dev.palimpsest.engine.probe.Reading;
import dev.palimpsest.step.Draw;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Probes of steps on the emulated device. */
final class CudaProbeTest {
  private static final int[] NONE = {};

  @TempDir private Path folder;

  @BeforeEach
  void requireDevice() {
    EmulatedDevice.require();
  }

  @AfterEach
  void everythingIsFreed() {
    assertThat(EmulatedDevice.inUse()).isZero();
  }

  private Transformer onDevice(TinyFamily family, Precision precision, CudaOptions options) {
    family.write(folder, 1);
    return TinyLlada.load(folder, CudaBackend.open(precision, options, family.spec()));
  }

  private static List<Hook> every(int blocks) {
    return Arrays.stream(Point.values())
        .flatMap(
            point ->
                IntStream.range(0, point.isOfBlock() ? blocks : 1)
                    .mapToObj(block -> new Hook(point, block)))
        .toList();
  }

  private static List<Query> queries(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    return Stream.of(7, 1, 26)
        .map(
            length ->
                new Query(
                    random.ints(length, 0, 80).toArray(),
                    0,
                    IntStream.range(0, length).filter(i -> i % 3 != 1).toArray(),
                    length / 2,
                    new Draw(0.8, Optional.empty(), seed, 2, NONE, NONE),
                    length == 7
                        ? Optional.of(new Query.Guidance(random.ints(7, 0, 80).toArray(), 1))
                        : Optional.empty()))
        .toList();
  }

  /** Three times, for the second run of a step records its graph and the third launches it. */
  @ParameterizedTest
  @CsvSource({
    "WIDE_HEADS, F32",
    "WIDE_HEADS, BF16",
    "BLOCKS, F32",
    "BLOCKS, BF16",
    "EXPERTS, F32",
    "SHIFTED, F32"
  })
  void aProbedStepHasTheBitsOfAnUnprobedOne(TinyFamily family, Precision precision) {
    List<Query> queries = queries(3);
    Probe probe =
        new Probe(
            every(family.spec().layers()),
            query -> IntStream.range(0, query.tokens().length).filter(i -> i % 2 == 1).toArray(),
            _ -> {});
    try (Transformer device = onDevice(family, precision, CudaOptions.DEFAULT);
        Transformer audited = onDevice(family, precision, new CudaOptions(true, false))) {
      List<List<Prediction>> plain = device.predict(queries);
      for (int time = 0; time < 3; time++) {
        assertThat(device.probed(probe).predict(queries)).isEqualTo(plain);
        assertThat(device.predict(queries)).isEqualTo(plain);
      }
      assertThat(audited.probed(probe).predict(queries)).isEqualTo(plain);
    }
  }

  @ParameterizedTest
  @CsvSource({"WIDE_HEADS", "BLOCKS", "EXPERTS", "SHIFTED"})
  void whatIsReadIsWhatTheHostReads(TinyFamily family) {
    List<Reading> found = new ArrayList<>();
    List<Reading> expected = new ArrayList<>();
    Probe.Selection selection =
        query -> IntStream.range(0, query.tokens().length).filter(i -> i % 5 != 3).toArray();
    List<Hook> hooks = every(family.spec().layers());
    try (Transformer device = onDevice(family, Precision.F32, CudaOptions.DEFAULT);
        Transformer host = TinyLlada.load(folder, new HostBackend(Precision.F32, 1))) {
      device.probed(new Probe(hooks, selection, found::add)).predict(queries(4));
      host.probed(new Probe(hooks, selection, expected::add)).predict(queries(4));
    }
    assertThat(found).hasSize(3 * hooks.size()).hasSameSizeAs(expected);
    for (int i = 0; i < found.size(); i++) {
      assertThat(found.get(i).hook()).isEqualTo(expected.get(i).hook());
      assertThat(found.get(i).values())
          .as(found.get(i).hook().name())
          .usingComparatorWithPrecision(1e-4f)
          .containsExactly(expected.get(i).values());
    }
  }

  @Test
  void aProbeIsRefusedWhereLookingAtMoreRowsWouldChangeTheStep() {
    try (Transformer device =
        onDevice(TinyFamily.WIDE_HEADS, Precision.F32, new CudaOptions(false, true))) {
      assertThatThrownBy(() -> device.probed(new Probe(every(2), _ -> NONE, _ -> {})))
          .isInstanceOf(DeviceException.class)
          .hasMessageEndingWith("leave --fast-gemm out");
    }
  }

  @ParameterizedTest
  @CsvSource({"WIDE_HEADS, F32", "WIDE_HEADS, BF16", "BLOCKS, F32", "EXPERTS, F32"})
  void theResidualStreamOfAnotherTextBringsItsPredictions(TinyFamily family, Precision precision) {
    Query other = queries(6).getLast();
    Query one =
        new Query(
            queries(5).getLast().tokens(), 0, other.rows(), 0, other.draw(), Optional.empty());
    int[] every = IntStream.range(0, one.tokens().length).toArray();
    try (Transformer device = onDevice(family, precision, CudaOptions.DEFAULT)) {
      List<List<Prediction>> plain = device.predict(List.of(one));
      List<List<Prediction>> wanted = device.predict(List.of(other));
      for (Point point : List.of(Point.EMBED, Point.RESID_PRE, Point.RESID_POST)) {
        Hook hook = new Hook(point, 0);
        List<Reading> readings = new ArrayList<>();
        device.probed(new Probe(List.of(hook), _ -> every, readings::add)).predict(List.of(other));
        float[] values = readings.getFirst().values();
        Patch patch = new Patch(hook, Patch.Action.SET, _ -> every, values);
        for (int time = 0; time < 3; time++) {
          assertThat(device.patched(List.of(patch), Optional.empty()).predict(List.of(one)))
              .isEqualTo(wanted);
        }
      }
      assertThat(device.predict(List.of(one))).isEqualTo(plain);
    }
  }

  @ParameterizedTest
  @EnumSource
  void aVectorIsAddedAtItsPositionsAlone(Precision precision) {
    Query query = queries(7).getLast();
    int[] every = IntStream.range(0, query.tokens().length).toArray();
    int hidden = TinyFamily.BLOCKS.spec().hidden();
    float[] vector = new float[hidden];
    Arrays.fill(vector, 2);
    Hook hook = new Hook(Point.RESID_POST, 0);
    List<Reading> readings = new ArrayList<>();
    Probe probe = new Probe(List.of(hook), _ -> every, readings::add);
    Patch patch = new Patch(hook, Patch.Action.ADD, _ -> new int[] {4, 11}, vector);
    try (Transformer device = onDevice(TinyFamily.BLOCKS, precision, CudaOptions.DEFAULT)) {
      device.probed(probe).predict(List.of(query));
      device.patched(List.of(patch), Optional.of(probe)).predict(List.of(query));
    }
    float[] before = readings.getFirst().values();
    float[] after = readings.getLast().values();
    for (int i = 0; i < before.length; i++) {
      boolean changed = i / hidden == 4 || i / hidden == 11;
      assertThat(after[i]).isCloseTo(before[i] + (changed ? 2 : 0), within(changed ? 0.04f : 0f));
    }
  }

  @ParameterizedTest
  @EnumSource
  void theLensAfterTheLastBlockIsThePrediction(Precision precision) {
    Query query = queries(8).getLast();
    int[] targets = IntStream.range(0, query.rows().length).toArray();
    try (Transformer device = onDevice(TinyFamily.SHIFTED, precision, CudaOptions.DEFAULT)) {
      List<Prediction> plain = device.predict(List.of(query.scoring(targets))).getFirst();
      for (int time = 0; time < 3; time++) {
        List<List<Prediction>> blocks = device.lens(query.scoring(targets));
        assertThat(blocks).hasSize(2);
        assertThat(blocks.getLast()).isEqualTo(plain);
        assertThat(blocks.getFirst()).isNotEqualTo(plain);
      }
    }
  }
}
