package dev.palimpsest.app.file;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class Sha256Test {
  /** Of {@code abc}, FIPS 180-4's own example. */
  private static final String ABC =
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

  /** Of a million times {@code a}, the other one. */
  private static final String MILLION =
      "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

  @TempDir private Path folder;

  @Test
  void bytesAndPiecesOfThemHaveThePublishedChecksums() {
    byte[] bytes = "abc".getBytes(StandardCharsets.US_ASCII);
    assertThat(HexFormat.of().formatHex(Sha256.of(bytes))).isEqualTo(ABC);
    Sha256 sum = new Sha256();
    for (int turn = 0; turn < 2; turn++) {
      sum.add(ByteBuffer.wrap(bytes, 0, 1));
      sum.add(ByteBuffer.wrap(bytes, 1, 2));
      assertThat(sum.hex()).as("turn %d", turn).isEqualTo(ABC);
    }
  }

  @Test
  void aFileIsReadToItsEnd() throws IOException {
    Path file = Files.writeString(folder.resolve("a"), "a".repeat(1_000_000));
    assertThat(Sha256.of(file)).isEqualTo(MILLION);
    Path twice = Files.writeString(folder.resolve("b"), "b".repeat((1 << 20) + 3));
    assertThat(Sha256.of(twice))
        .isEqualTo(HexFormat.of().formatHex(Sha256.of(Files.readAllBytes(twice))));
  }
}
