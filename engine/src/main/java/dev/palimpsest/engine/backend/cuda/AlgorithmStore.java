package dev.palimpsest.engine.backend.cuda;

import dev.palimpsest.bindings.cublas.ElementType;
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
 * Algorithms that were chosen by measurement, kept in a file per GPU and version of cuBLASLt: one
 * line a shape, its numbers and the algorithm's bytes in hex. A line that cannot be read is
 * measured again.
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

  /**
   * A product that an algorithm is chosen for.
   *
   * @param type of both factors
   * @param columns of the result: rows of the weight
   * @param inner dimension
   * @param result type of its elements
   * @param alignment of all addresses, in bytes
   */
  record Shape(ElementType type, int columns, int inner, ElementType result, int alignment) {
    private String key() {
      return type + " " + columns + " " + inner + " " + result + " " + alignment;
    }
  }

  Optional<MatmulAlgorithm> find(Shape shape) {
    return Optional.ofNullable(known.get(shape.key()));
  }

  /** Keeps an algorithm, for other processes too. */
  void put(Shape shape, MatmulAlgorithm algorithm) {
    known.put(shape.key(), algorithm);
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
