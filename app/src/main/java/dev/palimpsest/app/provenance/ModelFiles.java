package dev.palimpsest.app.provenance;

import dev.palimpsest.sampler.trace.TraceHeader;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;

/**
 * The identity of a model: checksums of its files, as {@code cd FOLDER; sha256sum config.json
 * *.safetensors | sha256sum} computes them, the names in the order of their bytes.
 */
public final class ModelFiles {
  private static final List<String> TOKENIZER =
      List.of(
          "added_tokens.json",
          "merges.txt",
          "special_tokens_map.json",
          "tokenizer.json",
          "tokenizer_config.json",
          "vocab.json");
  private static final int BUFFER_BYTES = 1 << 20;

  private ModelFiles() {}

  public static TraceHeader.ModelIdentity identity(Path folder) {
    try (Stream<Path> files = Files.list(folder)) {
      List<String> names = files.map(file -> file.getFileName().toString()).sorted().toList();
      return new TraceHeader.ModelIdentity(
          folder.toAbsolutePath().normalize().getFileName().toString(),
          checksum(
              folder,
              names.stream()
                  .filter(name -> name.equals("config.json") || name.endsWith(".safetensors"))
                  .toList()),
          checksum(folder, names.stream().filter(TOKENIZER::contains).toList()));
    } catch (IOException e) {
      throw new UncheckedIOException(folder + ": the model cannot be hashed: " + e.getMessage(), e);
    }
  }

  private static String checksum(Path folder, List<String> names) throws IOException {
    StringBuilder lines = new StringBuilder();
    for (String name : names) {
      lines.append(checksum(folder.resolve(name))).append("  ").append(name).append('\n');
    }
    return hex(sha256().digest(lines.toString().getBytes(StandardCharsets.UTF_8)));
  }

  /** The SHA-256 of a file, in hexadecimal digits. */
  public static String checksum(Path file) throws IOException {
    MessageDigest digest = sha256();
    byte[] buffer = new byte[BUFFER_BYTES];
    try (InputStream in = Files.newInputStream(file)) {
      for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
        digest.update(buffer, 0, read);
      }
    }
    return hex(digest.digest());
  }

  private static String hex(byte[] digest) {
    return HexFormat.of().formatHex(digest);
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}
