package dev.palimpsest.engine.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.LongStream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Four thousand seeded mutations of a valid file: each opens soundly or is refused in a sentence.
 */
final class SafetensorsMutationTest {
  private static final int SEEDS = 40;
  private static final int MUTATIONS_PER_SEED = 100;
  private static final Duration LIMIT = Duration.ofSeconds(2);

  private static final String[] SNIPPETS = {
    "-",
    "0",
    "9",
    "99999999999999999999",
    "9223372036854775807",
    "1e9",
    ".5",
    "null",
    "true",
    "{}",
    "[]",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "\\",
    ",",
    ":",
    "\"a\"",
    "\"F64\"",
    "\"F16\"",
    "\u0000",
    "\u00e9",
    "__metadata__",
    "[[[[[[[["
  };

  @TempDir Path folder;

  static LongStream seeds() {
    return LongStream.range(0, SEEDS);
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void aMutatedFileOpensSoundlyOrIsRefusedInASentence(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    for (int i = 0; i < MUTATIONS_PER_SEED; i++) {
      byte[] bytes = SafetensorsBytes.valid();
      for (int edits = random.nextInt(1, 4); edits > 0; edits--) {
        bytes = mutated(bytes, random);
      }
      String what = "seed %d, mutation %d".formatted(seed, i);
      Path file = SafetensorsBytes.write(folder, "mutated.safetensors", bytes);
      long start = System.nanoTime();
      try (Safetensors opened = Safetensors.open(file)) {
        checkSound(opened, bytes.length, what);
      } catch (CheckpointException e) {
        assertThat(e).as(what).hasMessageStartingWith(file + ": ").hasMessageEndingWith(".");
        assertThat(e).as(what).hasMessageNotContaining("\n");
      }
      assertThat(Duration.ofNanos(System.nanoTime() - start)).as(what).isLessThan(LIMIT);
    }
  }

  private static void checkSound(Safetensors opened, long fileBytes, String what) {
    long total = 0;
    for (String name : opened.names()) {
      Tensor tensor = opened.tensor(name);
      long elements = 1;
      for (long dimension : tensor.shape()) {
        elements = Math.multiplyExact(elements, dimension);
      }
      assertThat(tensor.elements()).as(what).isEqualTo(elements);
      total += tensor.data().byteSize();
      for (long i = 0; i < tensor.data().byteSize(); i++) {
        assertThat(tensor.data().get(ValueLayout.JAVA_BYTE, i)).as(what).isNotNull();
      }
    }
    assertThat(total).as(what).isLessThan(fileBytes);
  }

  private static byte[] mutated(byte[] bytes, SplittableRandom random) {
    return switch (random.nextInt(6)) {
      case 0 -> flipped(bytes, random);
      case 1 -> Arrays.copyOf(bytes, random.nextInt(bytes.length + 1));
      case 2 -> {
        byte[] inserted = new byte[random.nextInt(1, 16)];
        random.nextBytes(inserted);
        yield spliced(bytes, random.nextInt(bytes.length + 1), 0, inserted);
      }
      case 3 -> withLength(bytes, random);
      case 4 -> spliced(bytes, random.nextInt(bytes.length + 1), random.nextInt(8), new byte[0]);
      default -> edited(bytes, random);
    };
  }

  private static byte[] flipped(byte[] bytes, SplittableRandom random) {
    byte[] copy = bytes.clone();
    if (copy.length > 0) {
      copy[random.nextInt(copy.length)] ^= (byte) (1 << random.nextInt(8));
    }
    return copy;
  }

  private static byte[] withLength(byte[] bytes, SplittableRandom random) {
    if (bytes.length < 8) {
      return bytes;
    }
    byte[] copy = bytes.clone();
    long length =
        switch (random.nextInt(3)) {
          case 0 -> random.nextLong();
          case 1 -> random.nextLong(bytes.length + 8);
          default -> 100_000_000L + random.nextLong(-2, 3);
        };
    ByteBuffer.wrap(copy).order(ByteOrder.LITTLE_ENDIAN).putLong(0, length);
    return copy;
  }

  /**
   * Edits the header's text and makes the length field right again, so that the JSON is reached.
   */
  private static byte[] edited(byte[] bytes, SplittableRandom random) {
    if (bytes.length < 9) {
      return bytes;
    }
    long length = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong(0);
    if (length <= 0 || length > bytes.length - 8) {
      return bytes;
    }
    byte[] snippet = SNIPPETS[random.nextInt(SNIPPETS.length)].getBytes(StandardCharsets.UTF_8);
    int at = 8 + random.nextInt((int) length);
    int removed = Math.min(random.nextInt(4), (int) length - (at - 8));
    byte[] copy = spliced(bytes, at, removed, snippet);
    ByteBuffer.wrap(copy)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(0, length - removed + snippet.length);
    return copy;
  }

  private static byte[] spliced(byte[] bytes, int at, int removed, byte[] inserted) {
    int rest = Math.min(bytes.length, at + removed);
    byte[] copy = new byte[at + inserted.length + bytes.length - rest];
    System.arraycopy(bytes, 0, copy, 0, at);
    System.arraycopy(inserted, 0, copy, at, inserted.length);
    System.arraycopy(bytes, rest, copy, at + inserted.length, bytes.length - rest);
    return copy;
  }
}
