package dev.palimpsest.bindings.onednn;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class OneDnnTest {
  @TempDir Path folder;

  /** Says what a JVM of its own finds; run by the tests below. */
  public static final class Probe {
    private Probe() {}

    public static void main(String[] arguments) {
      System.out.println(OneDnn.isAvailable() + ": " + OneDnn.failure().orElse("no failure"));
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment one = arena.allocateFrom(JAVA_FLOAT, 2f);
        MemorySegment product = arena.allocate(JAVA_FLOAT);
        Matrix two = new Matrix(one, 0, 1);
        OneDnn.sgemm(OneDnn.TRANSPOSE, 1, 1, 1, two, two, 0, new Matrix(product, 0, 1));
        System.out.println(product.get(JAVA_FLOAT, 0));
      } catch (IllegalStateException e) {
        System.out.println("refused: " + e.getMessage());
      }
    }
  }

  private record Answer(int exit, List<String> lines) {}

  private Answer probe(Path caches, String... options) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("--enable-native-access=ALL-UNNAMED");
    command.addAll(List.of(options));
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), Probe.class.getName()));
    Path output = folder.resolve("output");
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(output.toFile());
    builder.environment().put("XDG_CACHE_HOME", caches.toString());
    Process process = builder.start();
    if (!process.waitFor(30, TimeUnit.SECONDS)) {
      process.destroyForcibly();
    }
    return new Answer(process.waitFor(), Files.readAllLines(output, StandardCharsets.UTF_8));
  }

  @Test
  void aPropertySwitchesTheLibraryOff() throws Exception {
    assumeTrue(System.getProperty("os.arch").equals("amd64"));
    Answer answer = probe(folder, "-Dpalimpsest.onednn.disabled=true");
    String reason = "oneDNN is switched off by -Dpalimpsest.onednn.disabled=true";
    assertThat(answer.lines()).containsExactly("false: " + reason, "refused: " + reason);
    assertThat(answer.exit()).isZero();
  }

  @Test
  void anotherSystemGetsAReason() throws Exception {
    Answer answer = probe(folder, "-Dos.arch=aarch64");
    assertThat(answer.lines().getFirst())
        .startsWith("false: oneDNN is bundled for Linux amd64 only and this is ");
  }

  @Test
  void aFreshCacheIsFilledAndUsed() throws Exception {
    assumeTrue(OneDnn.isAvailable());
    Answer answer = probe(folder);
    assertThat(answer.lines()).containsExactly("true: no failure", "4.0");
    assertThat(folder.resolve("palimpsest"))
        .isDirectoryRecursivelyContaining("glob:**/libdnnl.so.3");
  }

  @Test
  void aCacheThatCannotBeWrittenIsAReasonAndNoCrash() throws Exception {
    assumeTrue(OneDnn.isAvailable());
    Path file = Files.writeString(folder.resolve("file"), "in the way");
    Answer answer = probe(file);
    assertThat(answer.lines().getFirst())
        .startsWith("false: oneDNN could not be loaded: ")
        .contains(file.toString());
    assertThat(answer.lines().getLast()).startsWith("refused: oneDNN could not be loaded: ");
    assertThat(answer.exit()).isZero();
  }

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {0, 1, 2, 3, 4, 5, 6, 7})
  void sgemmIsTheProductOfItsMatrices(long seed) {
    assumeTrue(OneDnn.isAvailable());
    SplittableRandom random = new SplittableRandom(seed);
    int m = random.nextInt(1, 70);
    int n = random.nextInt(1, 140);
    int k = random.nextInt(1, 300);
    boolean transposed = random.nextBoolean();
    float beta = random.nextInt(2);
    int lda = k + random.nextInt(9);
    int ldb = (transposed ? k : n) + random.nextInt(9);
    int ldc = n + random.nextInt(9);
    float[] a = random(random, m * lda);
    float[] b = random(random, (transposed ? n : k) * ldb);
    float[] c = random(random, m * ldc);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment product = arena.allocateFrom(JAVA_FLOAT, c);
      OneDnn.sgemm(
          transposed ? OneDnn.TRANSPOSE : OneDnn.NO_TRANSPOSE,
          m,
          n,
          k,
          new Matrix(arena.allocateFrom(JAVA_FLOAT, a), 0, lda),
          new Matrix(arena.allocateFrom(JAVA_FLOAT, b), 0, ldb),
          beta,
          new Matrix(product, 0, ldc));
      float[] found = product.toArray(JAVA_FLOAT);
      for (int i = 0; i < m; i++) {
        for (int j = 0; j < ldc; j++) {
          double expected = c[i * ldc + j];
          if (j < n) {
            expected *= beta;
            for (int p = 0; p < k; p++) {
              expected += (double) a[i * lda + p] * b[transposed ? j * ldb + p : p * ldb + j];
            }
          }
          assertThat((double) found[i * ldc + j])
              .as("%d x %d x %d, row %d, column %d", m, n, k, i, j)
              .isCloseTo(expected, within(1e-6 * k + 1e-6));
        }
      }
    }
  }

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {0, 1, 2, 3, 4, 5})
  void gemmBf16SumsInSinglePrecision(long seed) {
    assumeTrue(OneDnn.isAvailable() && OneDnn.hasFastBf16());
    SplittableRandom random = new SplittableRandom(seed);
    int m = random.nextInt(1, 70);
    int n = random.nextInt(1, 140);
    int k = random.nextInt(1, 300);
    float beta = random.nextInt(2);
    short[] a = halves(random, m * k);
    short[] b = halves(random, n * k);
    float[] c = random(random, m * n);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment product = arena.allocateFrom(JAVA_FLOAT, c);
      Matrix left = new Matrix(arena.allocateFrom(JAVA_SHORT, a), 0, k);
      Matrix right = new Matrix(arena.allocateFrom(JAVA_SHORT, b), 0, k);
      OneDnn.gemmBf16(m, n, k, left, right, beta, new Matrix(product, 0, n));
      for (int i = 0; i < m; i++) {
        for (int j = 0; j < n; j++) {
          double expected = beta * c[i * n + j];
          for (int p = 0; p < k; p++) {
            expected += (double) widened(a[i * k + p]) * widened(b[j * k + p]);
          }
          assertThat((double) product.getAtIndex(JAVA_FLOAT, (long) i * n + j))
              .isCloseTo(expected, within(1e-6 * k + 1e-6));
        }
      }
    }
  }

  @Test
  void invalidArgumentsAreAnExceptionThatNamesTheCall() {
    assumeTrue(OneDnn.isAvailable());
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(4096, 64);
      Matrix some = new Matrix(memory, 0, 4);
      Matrix narrow = new Matrix(memory, 0, 3);
      assertThatThrownBy(() -> OneDnn.sgemm(OneDnn.TRANSPOSE, -1, 4, 4, some, some, 0, some))
          .isInstanceOf(OneDnnException.class)
          .hasMessage("oneDNN's dnnl_sgemm returned status 2 (invalid arguments)");
      assertThatThrownBy(() -> OneDnn.sgemm(OneDnn.TRANSPOSE, 4, 4, 4, narrow, some, 0, some))
          .isInstanceOf(OneDnnException.class);
      assertThatThrownBy(() -> OneDnn.gemmBf16(4, 4, 4, some, some, 0, narrow))
          .isInstanceOf(OneDnnException.class)
          .hasMessageStartingWith("oneDNN's dnnl_gemm_bf16bf16f32 returned status ");
    }
  }

  @Test
  void freedMemoryIsRefused() {
    assumeTrue(OneDnn.isAvailable());
    Matrix gone;
    try (Arena arena = Arena.ofConfined()) {
      gone = new Matrix(arena.allocate(64, 64), 0, 2);
    }
    assertThatThrownBy(() -> OneDnn.sgemm(OneDnn.TRANSPOSE, 2, 2, 2, gone, gone, 0, gone))
        .isInstanceOf(IllegalStateException.class);
  }

  @Test
  void theDescriptionNamesTheVersion() {
    assumeTrue(OneDnn.isAvailable());
    assertThat(OneDnn.describe()).matches("oneDNN 3\\.11\\.\\d+, instruction set 0x[0-9a-f]+");
    assertThat(OneDnn.failure()).isEmpty();
  }

  private static float[] random(SplittableRandom random, int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  private static short[] halves(SplittableRandom random, int count) {
    short[] values = new short[count];
    for (int i = 0; i < count; i++) {
      values[i] = (short) (Float.floatToRawIntBits((float) random.nextGaussian()) >>> 16);
    }
    return values;
  }

  private static float widened(short half) {
    return Float.intBitsToFloat(half << 16);
  }
}
