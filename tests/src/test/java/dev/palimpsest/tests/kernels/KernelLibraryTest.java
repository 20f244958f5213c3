package dev.palimpsest.tests.kernels;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the tests of kernels rest on: a library that finds the mistakes of a kernel. */
class KernelLibraryTest {
  private final KernelLibrary library = KernelLibrary.assumed();

  @Test
  void theFatbinHasTheKernelsOfTheLibraryForEveryArchitecture() throws IOException {
    Path log = KernelLibrary.folder().resolve("ptxas.log");
    Assumptions.assumeTrue(Files.exists(log), "no " + log + ": there is no nvcc");
    String text = Files.readString(log);
    for (String architecture : new String[] {"sm_80", "sm_90a", "sm_100", "sm_120"}) {
      TreeSet<String> compiled = new TreeSet<>();
      Pattern.compile("Compiling entry function '(\\w+)' for '" + architecture + "'")
          .matcher(text)
          .results()
          .map((MatchResult result) -> result.group(1))
          .forEach(compiled::add);
      assertThat(compiled).as(architecture).containsExactlyElementsOf(library.kernelNames());
    }
  }

  @Test
  void aKernelThatIsNotThereIsRefused() {
    try (Memory memory = new Memory(library)) {
      assertThat(memory.attempt("attention_bf16_h24", 1, 1, 32, 0, false))
          .isEqualTo("there is no kernel attention_bf16_h24");
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 33, 1056})
  void aBlockThatIsNotWholeWarpsOrTooLargeIsRefused(int threads) {
    try (Memory memory = new Memory(library)) {
      assertThat(
              memory.attempt("random_f32", 1, 1, threads, 0, false, MemorySegment.NULL, 0L, 0L, 0f))
          .isEqualTo(
              "random_f32: a block has a multiple of 32 threads, at most 1024, not " + threads);
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void everyThreadOfEveryBlockRunsInEitherOrder(boolean descending) {
    KernelLibrary faulty = KernelLibrary.assumed("palimpsest_faulty_host");
    try (Memory memory = new Memory(faulty)) {
      int[] expected = new int[3 * 2 * 64];
      for (int i = 0; i < expected.length; i++) {
        expected[i] = i;
      }
      Memory.Buffer out = memory.bytes(4L * expected.length);
      assertThat(memory.attempt("number_threads", 3, 2, 64, 0, descending, out)).isEmpty();
      assertThat(out.data.toArray(JAVA_INT)).isEqualTo(expected);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "barrier_in_a_branch | threads wait for each other for ever: 63 at the barrier of the block,"
            + " 0 in a warp operation, 1 have ended",
        "shuffle_in_a_branch | threads wait for each other for ever: 0 at the barrier of the block,"
            + " 62 in a warp operation, 2 have ended",
        "barrier_and_shuffle | threads wait for each other for ever: 32 at the barrier of the block,"
            + " 31 in a warp operation, 1 have ended",
        "two_shuffles | the lanes of a warp meet in different operations",
        "shuffle_of_some_lanes | a warp operation names fewer than 32 lanes",
        "write_past_shared_memory | wrote outside its 256 bytes of shared memory",
        "write_before_shared_memory | wrote outside its 256 bytes of shared memory",
        "copy_without_wait | a thread ends before its copies have been awaited",
        "copy_to_odd_address | cp.async takes 16-byte boundaries",
      })
  void mistakesOfAKernelAreErrors(String kernel, String message) {
    KernelLibrary faulty = KernelLibrary.assumed("palimpsest_faulty_host");
    try (Memory memory = new Memory(faulty)) {
      Memory.Buffer buffer = memory.bytes(256);
      for (boolean descending : new boolean[] {false, true}) {
        assertThat(memory.attempt(kernel, 4, 1, 64, 256, descending, buffer))
            .startsWith(kernel + ": " + message)
            .contains("(block (");
      }
      // The library goes on.
      assertThat(memory.attempt("number_threads", 1, 1, 64, 0, false, buffer)).isEmpty();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"number_threads", "barrier_in_a_branch", "shuffle_in_a_branch"})
  void aKernelThatIsStartedEarlyAndDoesNotWaitIsRefused(String kernel) {
    KernelLibrary faulty = KernelLibrary.assumed("palimpsest_faulty_host");
    try (Memory memory = new Memory(faulty)) {
      Memory.Buffer buffer = memory.bytes(256);
      faulty.startEarly(true);
      assertThat(memory.attempt(kernel, 1, 1, 64, 256, false, buffer))
          .startsWith(
              kernel
                  + ": a thread does not wait first for the launch ahead, before whose end it was"
                  + " started (block (");
      assertThat(memory.attempt("wait_and_number", 1, 1, 64, 256, false, buffer)).isEmpty();
    } finally {
      faulty.startEarly(false);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"missing_barrier", "read_before_wait"})
  void whatSomeOrderOfThreadsHidesTheOtherShows(String kernel) {
    KernelLibrary faulty = KernelLibrary.assumed("palimpsest_faulty_host");
    try (Memory memory = new Memory(faulty)) {
      Memory.Buffer in = memory.bytes(256);
      in.data.fill((byte) 1);
      Memory.Buffer out = memory.bytes(256);
      boolean isRight = true;
      for (boolean descending : new boolean[] {false, true}) {
        assertThat(memory.attempt(kernel, 1, 1, 64, 256, descending, in, out)).isEmpty();
        isRight &= out.data.mismatch(in.data) < 0;
      }
      assertThat(isRight).as("right in both orders").isFalse();
    }
  }
}
