package dev.palimpsest.tests;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.palimpsest.bindings.cuda.Context;
import dev.palimpsest.bindings.cuda.Cuda;
import dev.palimpsest.bindings.cuda.DeviceMemory;
import dev.palimpsest.bindings.cuda.PinnedMemory;
import dev.palimpsest.bindings.cuda.Stream;
import dev.palimpsest.engine.backend.Activation;
import dev.palimpsest.engine.backend.Bf16;
import dev.palimpsest.engine.backend.StepArena;
import dev.palimpsest.engine.backend.Weight;
import dev.palimpsest.engine.backend.cuda.CudaBackend;
import dev.palimpsest.engine.checkpoint.Checkpoint;
import dev.palimpsest.engine.checkpoint.DType;
import dev.palimpsest.engine.checkpoint.Tensor;
import dev.palimpsest.engine.device.CudaOptions;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.engine.model.Families;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import jcuda.Pointer;
import jcuda.cudaDataType;
import jcuda.jcublas.JCublas2;
import jcuda.jcublas.cublasComputeType;
import jcuda.jcublas.cublasGemmAlgo;
import jcuda.jcublas.cublasHandle;
import jcuda.jcublas.cublasOperation;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The engine's products, which are cuBLASLt's through the foreign function interface, against those
 * of cuBLAS through JCublas: another library, other bindings. It takes CUDA 12's libcublas.
 */
@Tag("device")
final class JCublasTest {
  private static final String LIBRARY = "libcublas.so.12";

  /** JCublas unpacks its library into the temporary folder and loads what lies there. */
  @BeforeAll
  static void load(@TempDir Path folder) {
    Cuda.emulator()
        .ifPresent(
            emulator -> {
              assumeTrue(
                  Files.isDirectory(emulator),
                  emulator + " is missing: native/ was built without a C++ compiler");
              System.load(emulator.resolve(LIBRARY).toString());
            });
    assertThat(CudaBackend.failure()).isEmpty();
    String temporary = System.getProperty("java.io.tmpdir");
    System.setProperty("java.io.tmpdir", folder.toString());
    String missing = "";
    try {
      JCublas2.initialize();
    } catch (LinkageError e) {
      missing =
          String.valueOf(e.getMessage())
              .lines()
              .filter(line -> line.contains(LIBRARY))
              .findFirst()
              .map(line -> line.substring(line.indexOf(LIBRARY)))
              .orElse(e.toString());
    } finally {
      System.setProperty("java.io.tmpdir", temporary);
    }
    assumeTrue(missing.isEmpty(), "JCublas 12 cannot be loaded: " + missing);
  }

  /** Memory of the device, for JCuda. */
  private static final class Address extends Pointer {
    Address(DeviceMemory memory) {
      super(memory.address());
    }
  }

  @ParameterizedTest(name = "{0}, {1} rows, {2} x {3}")
  @CsvSource({
    "F32, 1, 64, 128",
    "F32, 37, 96, 1000",
    "F32, 130, 200, 33",
    "BF16, 1, 64, 128",
    "BF16, 37, 96, 1000",
    "BF16, 130, 200, 40",
  })
  void cublasComputesTheSameProduct(Precision precision, int rows, int columns, int inner)
      throws IOException {
    SplittableRandom random = new SplittableRandom(rows);
    float[] x = rounded(random, precision, rows * inner);
    float[] w = rounded(random, precision, columns * inner);
    float[] ours = throughTheEngine(precision, x, w, rows, columns, inner);
    float[] theirs = throughJCublas(precision, x, w, rows, columns, inner);
    // A sum of `inner` products in f32, in any order, then one rounding to the result's type.
    double rounding = precision == Precision.F32 ? 0 : 0x1p-8;
    for (int row = 0; row < rows; row++) {
      for (int column = 0; column < columns; column++) {
        double terms = 0;
        for (int i = 0; i < inner; i++) {
          terms += Math.abs((double) x[row * inner + i] * w[column * inner + i]);
        }
        int at = row * columns + column;
        double allowed = terms * inner * 0x1p-23 + 2 * rounding * Math.abs(theirs[at]);
        assertThat((double) Math.abs(ours[at] - theirs[at]))
            .as("row %d, column %d: %s and %s", row, column, ours[at], theirs[at])
            .isLessThanOrEqualTo(allowed);
      }
    }
  }

  private static float[] rounded(SplittableRandom random, Precision precision, int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      float value = (float) random.nextGaussian();
      values[i] = precision == Precision.F32 ? value : Bf16.toFloat(Bf16.fromFloat(value));
    }
    return values;
  }

  private static float[] throughTheEngine(
      Precision precision, float[] x, float[] w, int rows, int columns, int inner) {
    Path model = Path.of("src", "test", "resources", "oracle", "llada-mha");
    try (Checkpoint checkpoint = Checkpoint.open(model);
        CudaBackend backend =
            CudaBackend.open(precision, CudaOptions.DEFAULT, Families.spec(checkpoint.config()))) {
      Weight table = backend.weight(List.of(tensor(x, rows, inner)));
      Weight weight = backend.weight(List.of(tensor(w, columns, inner)));
      StepArena arena = new StepArena(backend::paddedRows);
      Activation in = arena.allocate(rows, inner);
      Activation out = arena.allocate(rows, columns);
      backend.begin(arena.used());
      backend.embed(IntStream.range(0, rows).toArray(), table, in);
      backend.linear(in, weight, 0, out);
      return backend.read(out);
    }
  }

  private static Tensor tensor(float[] values, int rows, int columns) {
    return new Tensor(
        "random", DType.F32, List.of((long) rows, (long) columns), MemorySegment.ofArray(values));
  }

  private static float[] throughJCublas(
      Precision precision, float[] x, float[] w, int rows, int columns, int inner) {
    int bytes = precision == Precision.F32 ? Float.BYTES : Short.BYTES;
    int type = precision == Precision.F32 ? cudaDataType.CUDA_R_32F : cudaDataType.CUDA_R_16BF;
    Context context = Context.retain(Cuda.devices().getFirst());
    cublasHandle handle = new cublasHandle();
    try (Stream stream = new Stream();
        DeviceMemory left = upload(precision, w, stream);
        DeviceMemory right = upload(precision, x, stream);
        DeviceMemory result = DeviceMemory.allocate((long) bytes * rows * columns);
        PinnedMemory copy = PinnedMemory.allocate((long) bytes * rows * columns)) {
      assertThat(JCublas2.cublasCreate(handle)).isZero();
      // Column-major: a row of x is a column there, and w is turned.
      int status =
          JCublas2.cublasGemmEx_new(
              handle,
              cublasOperation.CUBLAS_OP_T,
              cublasOperation.CUBLAS_OP_N,
              columns,
              rows,
              inner,
              Pointer.to(new float[] {1}),
              new Address(left),
              type,
              inner,
              new Address(right),
              type,
              inner,
              Pointer.to(new float[] {0}),
              new Address(result),
              type,
              columns,
              cublasComputeType.CUBLAS_COMPUTE_32F,
              cublasGemmAlgo.CUBLAS_GEMM_DEFAULT);
      assertThat(status).isZero();
      context.synchronize();
      assertThat(JCublas2.cublasDestroy(handle)).isZero();
      result.copyTo(copy, 0, 0, (long) bytes * rows * columns, stream);
      stream.synchronize();
      float[] values = new float[rows * columns];
      for (int i = 0; i < values.length; i++) {
        values[i] =
            precision == Precision.F32
                ? copy.segment().getAtIndex(JAVA_FLOAT, i)
                : Bf16.toFloat(copy.segment().getAtIndex(JAVA_SHORT, i));
      }
      return values;
    } finally {
      context.close();
    }
  }

  private static DeviceMemory upload(Precision precision, float[] values, Stream stream) {
    int bytes = precision == Precision.F32 ? Float.BYTES : Short.BYTES;
    DeviceMemory memory = DeviceMemory.allocate((long) bytes * values.length);
    try (PinnedMemory pinned = PinnedMemory.allocate((long) bytes * values.length)) {
      for (int i = 0; i < values.length; i++) {
        if (precision == Precision.F32) {
          pinned.segment().setAtIndex(JAVA_FLOAT, i, values[i]);
        } else {
          pinned.segment().setAtIndex(JAVA_SHORT, i, Bf16.fromFloat(values[i]));
        }
      }
      memory.copyFrom(pinned, 0, 0, (long) bytes * values.length, stream);
      stream.synchronize();
    }
    return memory;
  }
}
