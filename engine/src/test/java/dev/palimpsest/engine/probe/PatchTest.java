package dev.palimpsest.engine.probe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.palimpsest.engine.backend.host.HostBackend;
import dev.palimpsest.engine.backend.host.TinyFamily;
import dev.palimpsest.engine.backend.host.TinyLlada;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.engine.forward.Transformer;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.step.Draw;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** What is changed within a step is changed there, and nothing else is. */
final class PatchTest {
  private static final int LENGTH = 14;

  @TempDir private Path folder;

  private Transformer load(TinyFamily family) {
    family.write(folder, 3);
    return TinyLlada.load(folder, new HostBackend(Precision.F32, 2));
  }

  private static Query query(ModelSpec spec, long seed) {
    return new Query(
        new SplittableRandom(seed).ints(LENGTH, 0, spec.vocabulary()).toArray(),
        0,
        IntStream.range(0, LENGTH).toArray(),
        LENGTH,
        Draw.GREEDY,
        Optional.empty());
  }

  private static int[] everywhere(Query query) {
    return IntStream.range(0, query.tokens().length).toArray();
  }

  private static float[] read(Transformer model, Hook hook, Query query, List<Patch> patches) {
    List<Reading> readings = new ArrayList<>();
    Probe probe = new Probe(List.of(hook), PatchTest::everywhere, readings::add);
    model.patched(patches, Optional.of(probe)).predict(List.of(query));
    return readings.getFirst().values();
  }

  static Stream<Arguments> familiesAndPoints() {
    List<Point> points =
        List.of(
            Point.EMBED,
            Point.RESID_PRE,
            Point.Q,
            Point.K,
            Point.V,
            Point.ROT_Q,
            Point.ROT_K,
            Point.Z,
            Point.RESID_MID,
            Point.RESID_POST);
    return Stream.of(TinyFamily.CAUSAL, TinyFamily.EXPERTS, TinyFamily.SHIFTED)
        .flatMap(family -> points.stream().map(point -> Arguments.of(family, point)));
  }

  @ParameterizedTest
  @MethodSource("familiesAndPoints")
  void whatStandsThereAlreadyChangesNothing(TinyFamily family, Point point) {
    try (Transformer model = load(family)) {
      Query query = query(family.spec(), 1);
      List<List<Prediction>> plain = model.predict(List.of(query));
      for (int block = 0; block < (point.isOfBlock() ? family.spec().layers() : 1); block++) {
        Hook hook = new Hook(point, block);
        Patch same =
            new Patch(
                hook, Patch.Action.SET, PatchTest::everywhere, read(model, hook, query, List.of()));
        Patch nothing =
            new Patch(
                hook,
                Patch.Action.ADD,
                PatchTest::everywhere,
                new float[hook.width(family.spec())]);
        assertThat(model.patched(List.of(same, nothing), Optional.empty()).predict(List.of(query)))
            .isEqualTo(plain);
      }
      assertThat(model.predict(List.of(query))).isEqualTo(plain);
    }
  }

  @ParameterizedTest
  @MethodSource("familiesAndPoints")
  void aVectorIsAddedWhereItIsAskedForAndSeenByTheProbe(TinyFamily family, Point point) {
    try (Transformer model = load(family)) {
      Query query = query(family.spec(), 2);
      Hook hook = new Hook(point, point.isOfBlock() ? family.spec().layers() - 1 : 0);
      int width = hook.width(family.spec());
      float[] vector = new float[width];
      for (int i = 0; i < width; i++) {
        vector[i] = 1 + i % 3;
      }
      int[] at = {2, 9};
      Patch patch = new Patch(hook, Patch.Action.ADD, _ -> at, vector);
      float[] before = read(model, hook, query, List.of());
      float[] after = read(model, hook, query, List.of(patch));
      for (int position = 0; position < LENGTH; position++) {
        for (int i = 0; i < width; i++) {
          float added = position == 2 || position == 9 ? vector[i] : 0;
          assertThat(after[position * width + i]).isEqualTo(before[position * width + i] + added);
        }
      }
    }
  }

  /** All of a residual stream is all that the blocks behind it know. */
  @ParameterizedTest
  @EnumSource(names = {"CAUSAL", "WIDE_HEADS", "EXPERTS", "SHIFTED"})
  void theResidualStreamOfAnotherTextBringsItsPredictions(TinyFamily family) {
    try (Transformer model = load(family)) {
      Query one = query(family.spec(), 3);
      Query other = query(family.spec(), 4);
      List<List<Prediction>> wanted = model.predict(List.of(other));
      assertThat(model.predict(List.of(one))).isNotEqualTo(wanted);
      for (int block = 0; block < family.spec().layers(); block++) {
        Hook hook = new Hook(Point.RESID_POST, block);
        Patch patch =
            new Patch(
                hook, Patch.Action.SET, PatchTest::everywhere, read(model, hook, other, List.of()));
        assertThat(model.patched(List.of(patch), Optional.empty()).predict(List.of(one)))
            .isEqualTo(wanted);
      }
    }
  }

  @Test
  void aStepInWhichNothingIsChangedIsThatOfTheModel() {
    try (Transformer model = load(TinyFamily.BLOCKS)) {
      Query query = query(TinyFamily.BLOCKS.spec(), 5);
      Patch patch =
          new Patch(
              new Hook(Point.RESID_POST, 0),
              Patch.Action.SET,
              each -> each.draw().step() == 1 ? new int[] {3} : new int[0],
              new float[TinyFamily.BLOCKS.spec().hidden()]);
      assertThat(model.patched(List.of(patch), Optional.empty()).predict(List.of(query)))
          .isEqualTo(model.predict(List.of(query)));
    }
  }

  @Test
  void whatDoesNotFitIsRefusedInASentence() {
    assertThatThrownBy(
            () ->
                new Patch(
                    new Hook(Point.PATTERN, 1),
                    Patch.Action.SET,
                    PatchTest::everywhere,
                    new float[1]))
        .hasMessageStartingWith("blocks.1.attn.hook_pattern cannot be changed: change the");
    try (Transformer model = load(TinyFamily.CAUSAL)) {
      assertThatThrownBy(() -> patched(model, Patch.Action.SET, 1, 41))
          .hasMessage(
              "blocks.1.hook_resid_post is to be changed by 41 numbers: a model with 2 blocks has"
                  + " rows of 40 there");
      assertThatThrownBy(() -> patched(model, Patch.Action.SET, 2, 40))
          .hasMessageContaining("a model with 2 blocks");
      assertThatThrownBy(() -> patched(model, Patch.Action.ADD, 1, 80))
          .hasMessageEndingWith("one vector can be, which is added at every position");
      assertThatThrownBy(() -> patched(model, Patch.Action.SET, 1, 80))
          .hasMessage(
              "blocks.1.hook_resid_post is to be changed at 14 positions by 2 rows: give one row,"
                  + " or one for each position");
    }
  }

  private static void patched(Transformer model, Patch.Action action, int block, int numbers) {
    Patch patch =
        new Patch(
            new Hook(Point.RESID_POST, block), action, PatchTest::everywhere, new float[numbers]);
    model
        .patched(List.of(patch), Optional.empty())
        .predict(List.of(query(TinyFamily.CAUSAL.spec(), 1)));
  }

  @ParameterizedTest
  @EnumSource
  void theLensAfterTheLastBlockIsThePrediction(TinyFamily family) {
    try (Transformer model = load(family)) {
      Query query = query(family.spec(), 6);
      int[] targets = IntStream.range(0, LENGTH).map(i -> i * 3).toArray();
      List<List<Prediction>> blocks = model.lens(query.scoring(targets));
      assertThat(blocks).hasSize(family.spec().layers());
      assertThat(blocks.getLast())
          .isEqualTo(model.predict(List.of(query.scoring(targets))).getFirst());
      assertThat(blocks.getFirst()).isNotEqualTo(blocks.getLast());
      assertThat(model.lens(query).getLast()).isEqualTo(model.predict(List.of(query)).getFirst());
    }
  }
}
