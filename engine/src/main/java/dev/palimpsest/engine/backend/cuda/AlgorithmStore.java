package dev.palimpsest.engine.backend.cuda;

import dev.palimpsest.bindings.cublas.MatmulAlgorithm;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Which algorithm was found to be the fastest for a product, kept in a file per GPU and version of
 * cuBLASLt: one line a product, its numbers and the algorithm's bytes in hex. It saves measuring
 * again, and no bit of a result depends on it. A line that cannot be read is measured again.
 */
final class AlgorithmStore {
  private static final Logger LOG = LoggerFactory.getLogger(AlgorithmStore.class);

  private final Path file;
  private final Map<String, MatmulAlgorithm> known = new TreeMap<>();

  /** Opens a file that need not exist. */
  AlgorithmStore(Path file) {
    this.file = file;
    if (Files.isRegularFile(file)) {
      try {
        Files.readAllLines(file).forEach(this::parse);
      } catch (IOException e) {
        LOG.warn("{} cannot be read; algorithms are measured again: {}", file, e.toString());
      }
    }
  }

  private void parse(String line) {
    int space = line.lastIndexOf(' ');
    String hex = line.substring(space + 1);
    if (space > 0 && hex.length() == 2 * MatmulAlgorithm.BYTES) {
      try {
        known.put(line.substring(0, space), MatmulAlgorithm.of(HexFormat.of().parseHex(hex)));
      } catch (IllegalArgumentException e) {
        LOG.debug("{} holds a line that is not understood: {}", file, line);
      }
    }
  }

  private static String key(Gemm.Product product) {
    return "%s %d %d %d %d %s %d %s %d"
        .formatted(
            product.type(),
            product.rows(),
            product.inner(),
            product.columns(),
            product.xStride(),
            product.resultType(),
            product.outStride(),
            product.biased() ? "biased" : "plain",
            product.alignment());
  }

  Optional<MatmulAlgorithm> find(Gemm.Product product) {
    return Optional.ofNullable(known.get(key(product)));
  }

  /** Keeps an algorithm, for other processes too. */
  void put(Gemm.Product product, MatmulAlgorithm algorithm) {
    known.put(key(product), algorithm);
    List<String> lines = new ArrayList<>();
    known.forEach((key, each) -> lines.add(key + " " + HexFormat.of().formatHex(each.toBytes())));
    try {
      Path folder = Files.createDirectories(file.toAbsolutePath().getParent());
      Path temporary = Files.createTempFile(folder, file.getFileName().toString(), ".part");
      try {
        Files.write(temporary, lines);
        Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
      } finally {
        Files.deleteIfExists(temporary);
      }
    } catch (IOException e) {
      LOG.warn("{} cannot be written; algorithms are measured again next time: {}", file, e + "");
    }
  }
}
