package dev.palimpsest.engine.backend.host;

import dev.palimpsest.engine.model.Families;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Checkpoints of random f32 weights, for any family's configuration. */
final class TinyCheckpoint {
  private TinyCheckpoint() {}

  /** Writes {@code config.json} and weights that are drawn from the seed. */
  static void write(Path folder, String config, long seed) {
    JsonNode described = JsonMapper.shared().readTree(config);
    SplittableRandom random = new SplittableRandom(seed);
    Map<String, List<Long>> tensors =
        Families.of(described).tensors().shapes(Families.spec(described), Set.of());
    StringBuilder header = new StringBuilder("{");
    int end = 0;
    for (Map.Entry<String, List<Long>> tensor : tensors.entrySet()) {
      int start = end;
      end += 4 * elements(tensor.getValue());
      header
          .append(header.length() == 1 ? "" : ",")
          .append(
              "\"%s\":{\"dtype\":\"F32\",\"shape\":%s,\"data_offsets\":[%d,%d]}"
                  .formatted(tensor.getKey(), tensor.getValue(), start, end));
    }
    byte[] json = header.append("}").toString().getBytes(StandardCharsets.UTF_8);
    ByteBuffer file = ByteBuffer.allocate(8 + json.length + end).order(ByteOrder.LITTLE_ENDIAN);
    file.putLong(json.length).put(json);
    for (List<Long> shape : tensors.values()) {
      boolean gain = shape.size() == 1;
      double spread = gain ? 0.1 : 1.5 / Math.sqrt(shape.getLast());
      for (int i = 0; i < elements(shape); i++) {
        file.putFloat((float) ((gain ? 1 : 0) + spread * random.nextGaussian()));
      }
    }
    try {
      Files.writeString(folder.resolve("config.json"), config);
      Files.write(folder.resolve("model.safetensors"), file.array());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static int elements(List<Long> shape) {
    return Math.toIntExact(shape.stream().reduce(1L, Math::multiplyExact));
  }
}
