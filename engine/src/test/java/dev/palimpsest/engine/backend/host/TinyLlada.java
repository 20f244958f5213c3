package dev.palimpsest.engine.backend.host;

import dev.palimpsest.engine.backend.Backend;
import dev.palimpsest.engine.checkpoint.Checkpoint;
import dev.palimpsest.engine.forward.Transformer;
import dev.palimpsest.engine.model.Families;
import dev.palimpsest.engine.model.ModelSpec;
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
import tools.jackson.databind.json.JsonMapper;

/** Small LLaDA checkpoints of random f32 weights. */
public enum TinyLlada {
  /** Grouped queries; rotary halves of a whole vector. */
  GROUPED(64, 4, 2, 172, 300, 2, false),
  /** A head of 24 and a feed-forward that is no multiple of anything. */
  ODD(96, 4, 4, 101, 301, 1, false),
  /** One key head for all; the head is the embedding. */
  TIED(30, 3, 1, 37, 133, 2, true);

  private final String config;

  TinyLlada(
      int hidden, int heads, int keyHeads, int inner, int vocabulary, int layers, boolean tied) {
    config =
        """
        {"model_type": "llada", "block_type": "llama", "layer_norm_type": "rms",
         "activation_type": "silu", "rope": true, "d_model": %d, "n_heads": %d, "n_kv_heads": %d,
         "mlp_hidden_size": %d, "vocab_size": %d, "n_layers": %d, "weight_tying": %b,
         "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "max_sequence_length": 256,
         "mask_token_id": 1, "eos_token_id": 2, "pad_token_id": 2}
        """
            .formatted(hidden, heads, keyHeads, inner, vocabulary, layers, tied);
  }

  public ModelSpec spec() {
    return Families.spec(JsonMapper.shared().readTree(config));
  }

  public void write(Path folder, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    Map<String, List<Long>> tensors =
        Families.of(JsonMapper.shared().readTree(config)).tensors().shapes(spec(), Set.of());
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

  public static Transformer load(Path folder, Backend backend) {
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      return Transformer.load(checkpoint, Families.spec(checkpoint.config()), backend, _ -> {});
    }
  }
}
