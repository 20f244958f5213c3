package dev.palimpsest.app.file;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** The SHA-256 of bytes that are added one after the other. */
public final class Sha256 {
  private static final int BUFFER_BYTES = 1 << 20;

  private final MessageDigest digest;

  /** Of no bytes yet. */
  public Sha256() {
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }

  /** That of a file, in hexadecimal digits. */
  public static String of(Path file) throws IOException {
    Sha256 sum = new Sha256();
    byte[] buffer = new byte[BUFFER_BYTES];
    try (InputStream in = Files.newInputStream(file)) {
      for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
        sum.add(ByteBuffer.wrap(buffer, 0, read));
      }
    }
    return sum.hex();
  }

  /** That of some bytes alone. */
  public static byte[] of(byte[] bytes) {
    return new Sha256().digest.digest(bytes);
  }

  /** Adds what remains in a buffer. */
  public void add(ByteBuffer bytes) {
    digest.update(bytes);
  }

  /** The checksum in hexadecimal digits; the bytes begin anew. */
  public String hex() {
    return HexFormat.of().formatHex(digest.digest());
  }
}
