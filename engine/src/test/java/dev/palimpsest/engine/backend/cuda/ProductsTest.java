package dev.palimpsest.engine.backend.cuda;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.palimpsest.bindings.cublas.MatmulAlgorithm;
import dev.palimpsest.bindings.cuda.Context;
import dev.palimpsest.bindings.cuda.Cuda;
import dev.palimpsest.bindings.cuda.DeviceMemory;
import dev.palimpsest.bindings.cuda.PinnedMemory;
import dev.palimpsest.bindings.cuda.Stream;
import dev.palimpsest.engine.backend.Bf16;
import dev.palimpsest.engine.backend.cuda.EmulatedDevice.Algorithms;
import dev.palimpsest.engine.device.DeviceException;
import dev.palimpsest.engine.device.Precision;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** On the emulated device, whose algorithms add up in several ways. */
final class ProductsTest {
  private static final int[] ROWS = {8, 16, 64, 136};
  private static final int MOST_ROWS = 136;
  private static final int COLUMNS = 40;
  private static final int INNER = 192;
  private static final int WHOLE = 21;
  private static final int ONE_CLASS = 66;

  private final List<AutoCloseable> resources = new ArrayList<>();
  private Path folder;
  private Context context;
  private Stream stream;
  private int stores;

  @BeforeEach
  void open(@TempDir Path temporary) {
    EmulatedDevice.require();
    folder = temporary;
    context = held(Context.retain(Cuda.devices().getFirst()));
    stream = held(new Stream());
  }

  @AfterEach
  void close() {
    EmulatedDevice.set(Algorithms.DEFAULT);
    EmulatedDevice.refuseRows(0);
    Release.all(resources);
    assertThat(EmulatedDevice.inUse()).isZero();
  }

  private <T extends AutoCloseable> T held(T resource) {
    resources.add(resource);
    return resource;
  }

  private Path newStore() {
    return folder.resolve("algorithms-" + stores++ + ".txt");
  }

  /** What a process has: random rows, a weight, and products. */
  private final class OwnProcess implements AutoCloseable {
    private final Precision precision;
    private final int inner;
    private final Kernels kernels;
    private final DeviceMemory x;
    private final DeviceMemory out;
    private final DeviceMemory matrix;
    private final DeviceMemory bias;
    private final CudaWeight weight;
    final Products products;

    OwnProcess(Precision precision, Path store) {
      this(precision, store, INNER, false);
    }

    OwnProcess(Precision precision, Path store, int inner, boolean fast) {
      this.precision = precision;
      this.inner = inner;
      kernels = Kernels.load(context.device(), precision, 16);
      long bytes = CudaWeight.elementBytes(precision);
      x = DeviceMemory.allocate(bytes * MOST_ROWS * inner);
      out = DeviceMemory.allocate(bytes * MOST_ROWS * COLUMNS);
      matrix = DeviceMemory.allocate(bytes * COLUMNS * inner);
      bias = DeviceMemory.allocate(bytes * COLUMNS);
      kernels.random(x.address(), x.bytes(), stream);
      kernels.random(matrix.address(), matrix.bytes(), stream);
      kernels.random(bias.address(), bias.bytes(), stream);
      weight = new CudaWeight(0, precision, COLUMNS, inner, matrix.address());
      boolean opened = false;
      try {
        products =
            new Products(
                kernels,
                stream,
                new AlgorithmStore(store),
                List.of(weight, weight),
                BitClass.of(context.device(), precision),
                new Products.Sample(inner, COLUMNS),
                fast);
        opened = true;
      } finally {
        if (!opened) {
          Release.all(List.of(kernels, x, out, matrix, bias));
        }
      }
    }

    /** The first rows of a product of so many. */
    float[] first(int rows) {
      return first(rows, 0);
    }

    private float[] first(int rows, long added) {
      products.multiply(
          weight,
          0,
          COLUMNS,
          added,
          x.address(),
          inner,
          rows,
          out.address(),
          COLUMNS,
          precision,
          false);
      return read(out, 8 * COLUMNS);
    }

    float[] read(DeviceMemory memory, int count) {
      float[] values = new float[count];
      try (PinnedMemory copy = PinnedMemory.allocate(CudaWeight.elementBytes(precision) * count)) {
        memory.copyTo(copy, 0, 0, copy.segment().byteSize(), stream);
        stream.synchronize();
        for (int i = 0; i < count; i++) {
          values[i] =
              precision == Precision.F32
                  ? copy.segment().getAtIndex(JAVA_FLOAT, i)
                  : Bf16.toFloat(copy.segment().getAtIndex(JAVA_SHORT, i));
        }
      }
      return values;
    }

    @Override
    public void close() {
      Release.all(List.of(kernels, x, out, matrix, bias, products));
    }
  }

  private float[] first(Precision precision, Path store, int rows) {
    try (OwnProcess process = new OwnProcess(precision, store)) {
      return process.first(rows);
    }
  }

  @ParameterizedTest
  @EnumSource
  void aRowsBitsDoNotDependOnHowManyRowsThereAre(Precision precision) {
    EmulatedDevice.set(Algorithms.DEFAULT.ofTiles(3));
    try (OwnProcess process = new OwnProcess(precision, newStore())) {
      float[] expected = process.first(ROWS[0]);
      assertThat(expected).doesNotContain(0, Float.NaN);
      for (int rows : ROWS) {
        assertThat(process.first(rows)).as("%d rows", rows).containsExactly(expected);
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void aBiasIsAddedBeforeTheOneRoundingForAnyNumberOfRows(Precision precision) {
    EmulatedDevice.set(Algorithms.DEFAULT.ofTiles(3));
    double half = precision == Precision.F32 ? 0x1p-24 : 0x1p-8;
    double sums = 0x1p-20 * INNER;
    try (OwnProcess process = new OwnProcess(precision, newStore())) {
      float[] x = process.read(process.x, 8 * INNER);
      float[] matrix = process.read(process.matrix, COLUMNS * INNER);
      float[] bias = process.read(process.bias, COLUMNS);
      float[] plain = process.first(64);
      float[] expected = process.first(64, process.bias.address());
      int roundedTwice = 0;
      for (int row = 0; row < 8; row++) {
        for (int column = 0; column < COLUMNS; column++) {
          double exact = bias[column];
          double size = 0;
          for (int i = 0; i < INNER; i++) {
            double term = (double) x[row * INNER + i] * matrix[column * INNER + i];
            exact += term;
            size += Math.abs(term);
          }
          int at = row * COLUMNS + column;
          double most = half * Math.abs(exact) + 0x1p-24 * size;
          assertThat((double) expected[at]).isCloseTo(exact, within(most + sums * half));
          float again = plain[at] + bias[column];
          float twice = precision == Precision.F32 ? again : Bf16.toFloat(Bf16.fromFloat(again));
          roundedTwice += twice == expected[at] ? 0 : 1;
        }
      }
      assertThat(roundedTwice).isGreaterThan(precision == Precision.F32 ? -1 : 0);
      for (int rows : ROWS) {
        assertThat(process.first(rows, process.bias.address())).containsExactly(expected);
      }
    }
  }

  @ParameterizedTest(name = "{0} on sm_{1}0")
  @CsvSource({"F32, 8", "F32, 9", "BF16, 8", "BF16, 9"})
  void noBitDependsOnWhichAlgorithmWasFastestInAProcess(Precision precision, int major) {
    EmulatedDevice.set(Algorithms.DEFAULT.ofTiles(3));
    EmulatedDevice.setCapability(major);
    try {
      float[] expected = first(precision, newStore(), 64);
      for (Algorithms slow :
          List.of(
              Algorithms.DEFAULT.ofTiles(3).slow(WHOLE, 1),
              Algorithms.DEFAULT.ofTiles(3).slow(ONE_CLASS, 1),
              Algorithms.DEFAULT.ofTiles(3).slow(ONE_CLASS, 2))) {
        EmulatedDevice.set(slow);
        for (int rows : ROWS) {
          assertThat(first(precision, newStore(), rows))
              .as("%d rows, %s", rows, slow)
              .containsExactly(expected);
        }
      }
    } finally {
      EmulatedDevice.setCapability(0);
    }
  }

  /** Without which none of these tests could fail. */
  @Test
  void theEmulatedDevicesAlgorithmsDifferInBits() {
    float[] ofOneClass = first(Precision.BF16, newStore(), 64);
    EmulatedDevice.set(Algorithms.DEFAULT.silent(64));
    assertThat(Arrays.equals(first(Precision.BF16, newStore(), 64), ofOneClass)).isFalse();
  }

  @Test
  void theFastestAlgorithmOfTheClassIsKeptForOtherProcesses() throws IOException {
    for (int slow = 1; slow <= 2; slow++) {
      EmulatedDevice.set(Algorithms.DEFAULT.ofTiles(2).slow(ONE_CLASS, slow));
      Path store = newStore();
      float[] _ = first(Precision.BF16, store, 64);
      assertThat(kept(store))
          .extracting(MatmulAlgorithm::describe)
          .containsExactly("algorithm 66, tile %d, stages 35".formatted(3 - slow));
      String before = Files.readString(store);
      EmulatedDevice.set(Algorithms.DEFAULT.ofTiles(2).slow(ONE_CLASS, 3 - slow));
      float[] _ = first(Precision.BF16, store, 64);
      assertThat(Files.readString(store)).isEqualTo(before);
    }
  }

  private static List<MatmulAlgorithm> kept(Path store) throws IOException {
    return Files.readAllLines(store).stream()
        .map(line -> line.substring(line.lastIndexOf(' ') + 1))
        .map(hex -> MatmulAlgorithm.of(HexFormat.of().parseHex(hex)))
        .toList();
  }

  @Test
  void whatIsKeptOfAnotherClassIsNotUsed() throws IOException {
    Path store = newStore();
    float[] expected = first(Precision.BF16, store, 64);
    byte[] other = kept(store).getFirst().toBytes();
    assertThat(other[8]).isEqualTo((byte) ONE_CLASS);
    other[8] = WHOLE;
    String line = Files.readString(store);
    Files.writeString(
        store,
        line.substring(0, line.lastIndexOf(' ') + 1) + HexFormat.of().formatHex(other) + "\n");
    assertThat(kept(store).getFirst().id()).isEqualTo(WHOLE);
    assertThat(first(Precision.BF16, store, 64)).containsExactly(expected);
    assertThat(kept(store).getFirst().id()).isEqualTo(ONE_CLASS);
  }

  @Test
  void withoutAFolderToWriteToTheBitsAreTheSame() throws IOException {
    float[] expected = first(Precision.BF16, newStore(), 64);
    Path file = Files.writeString(folder.resolve("file"), "");
    assertThat(first(Precision.BF16, file.resolve("algorithms.txt"), 64)).containsExactly(expected);
  }

  @Test
  void aClassWhoseBitsDifferIsGivenUpForOneAlgorithm() {
    EmulatedDevice.set(Algorithms.DEFAULT.ofTiles(2).deviating(2));
    try (OwnProcess process = new OwnProcess(Precision.BF16, newStore())) {
      assertThat(process.products.rule()).isEqualTo(Products.Rule.ONE_ALGORITHM);
      float[] expected = process.first(ROWS[0]);
      for (int rows : ROWS) {
        assertThat(process.first(rows)).containsExactly(expected);
      }
    }
  }

  @Test
  void anAlgorithmThatDeviatesOnlyWhereItIsUsedIsLeftOut() {
    EmulatedDevice.set(Algorithms.DEFAULT.ofTiles(2));
    float[] expected = first(Precision.BF16, newStore(), 64);
    try (OwnProcess process = new OwnProcess(Precision.BF16, newStore())) {
      assertThat(process.products.rule()).isEqualTo(Products.Rule.ONE_BIT_CLASS);
      EmulatedDevice.set(Algorithms.DEFAULT.ofTiles(2).deviating(2).slow(ONE_CLASS, 1));
      assertThat(process.first(64)).containsExactly(expected);
    }
  }

  @Test
  void rowsThatNoneOfTheClassIsProposedForAreComputedByAnotherOfTheClass() {
    float[] expected = first(Precision.BF16, newStore(), 64);
    EmulatedDevice.set(Algorithms.DEFAULT.silent(72));
    assertThat(first(Precision.BF16, newStore(), 72)).containsExactly(expected);
  }

  @Test
  void rowsThatNoneOfTheClassComputesAreRefused() {
    try (OwnProcess process = new OwnProcess(Precision.BF16, newStore())) {
      float[] _ = process.first(64);
      EmulatedDevice.refuseRows(72);
      assertThatThrownBy(() -> process.first(72))
          .isInstanceOf(DeviceException.class)
          .hasMessageStartingWith(
              "cuBLASLt has no algorithm of the class that computes the same bits for all rows for"
                  + " 72 rows of 192, 192 apart, by 40 x 192 of BF16 into BF16, 40 apart;"
                  + " --fast-gemm takes another");
    }
  }

  @ParameterizedTest
  @EnumSource
  void aPromiseThatNoAlgorithmKeepsIsRefused(Precision precision) {
    EmulatedDevice.set(Algorithms.DEFAULT.varying());
    try (OwnProcess process = new OwnProcess(precision, newStore())) {
      assertThat(process.products.rule()).isEqualTo(Products.Rule.ONE_ALGORITHM);
      assertThatThrownBy(() -> process.first(64))
          .isInstanceOf(DeviceException.class)
          .hasMessageEndingWith(
              "whose bits do not depend on the number of rows, as is promised here; --fast-gemm"
                  + " gives the promise up");
    }
    try (OwnProcess process = new OwnProcess(precision, newStore(), INNER, true)) {
      assertThat(process.first(64)).doesNotContain(Float.NaN);
    }
  }

  /** The emulated algorithm that adds pieces up forgets what is left over from blocks of 64. */
  @ParameterizedTest(name = "{0} inner columns")
  @ValueSource(ints = {128, 136, 192, 200, 256})
  void fastProductsAreRightForAnyNumberOfInnerColumns(int inner) {
    try (OwnProcess process = new OwnProcess(Precision.F32, newStore(), inner, true)) {
      float[] found = process.first(64);
      float[] x = process.read(process.x, 8 * inner);
      float[] w = process.read(process.matrix, COLUMNS * inner);
      for (int i = 0; i < found.length; i++) {
        double sum = 0;
        double size = 0;
        for (int k = 0; k < inner; k++) {
          double term = (double) x[i / COLUMNS * inner + k] * w[i % COLUMNS * inner + k];
          sum += term;
          size += Math.abs(term);
        }
        assertThat((double) found[i]).isCloseTo(sum, within(size * inner * 0x1p-24));
      }
    }
  }

  @Test
  void aDeviceThatIsTooFullToMeasureOnTakesTheFirstOfTheClass() {
    EmulatedDevice.set(Algorithms.DEFAULT.ofTiles(2).slow(ONE_CLASS, 1));
    float[] expected = first(Precision.BF16, newStore(), 64);
    Path store = newStore();
    try (OwnProcess process = new OwnProcess(Precision.BF16, store)) {
      EmulatedDevice.setMemory(1);
      assertThat(process.first(64)).containsExactly(expected);
      assertThat(store).doesNotExist();
    } finally {
      EmulatedDevice.setMemory(0);
    }
  }
}
