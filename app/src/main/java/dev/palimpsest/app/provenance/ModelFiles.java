package dev.palimpsest.app.provenance;

import dev.palimpsest.app.file.Sha256;
import dev.palimpsest.sampler.trace.Checksum;
import dev.palimpsest.sampler.trace.TraceHeader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
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
      lines.append(Sha256.of(folder.resolve(name))).append("  ").append(name).append('\n');
    }
    return Checksum.sha256(lines.toString());
  }
}
