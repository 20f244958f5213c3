package dev.palimpsest.tests.bench;

import dev.palimpsest.engine.backend.Bf16;
import dev.palimpsest.engine.model.Families;
import dev.palimpsest.engine.model.ModelSpec;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A checkpoint in bf16 of any family and size, whose weights are one block of normally distributed
 * numbers over and over: what it says is nonsense, what it costs is not.
 */
final class RandomCheckpoint {
  /** The geometry of GSAI-ML/LLaDA-8B. */
  static final String LLADA_8B = llada(4096, 32, 32, 12_288, 126_464, 4096);

  /** Small enough for a device that is emulated. */
  static final String TINY_LLADA = llada(64, 2, 4, 128, 512, 512);

  /** As many blocks as LLaDA-8B, as small as they can be. */
  static final String DEEP_LLADA = llada(32, 32, 2, 32, 32, 512);

  /** SDAR's layers in a size that a CPU computes in milliseconds: 22 million weights. */
  static final String SMALL_SDAR = sdar(512, 6, 8, 2, 64, 1024, 8192, 16);

  /** The geometry of JetLM/SDAR-4B-Chat, which is that of Qwen/Qwen3-4B. */
  static final String SDAR_4B = sdar(2560, 36, 32, 8, 128, 9728, 151_936, 4);

  /** Small enough for a device that is emulated. */
  static final String TINY_SDAR = sdar(64, 2, 4, 2, 16, 128, 512, 4);

  private static final int BLOCK_ELEMENTS = 1 << 24;
  private static final double SPREAD = 0.02;
  private static final short ONE = 0x3F80;

  private RandomCheckpoint() {}

  /** Deletes a folder that holds one and nothing else. */
  static void delete(Path folder) throws IOException {
    for (String file : List.of("config.json", "model.safetensors")) {
      Files.deleteIfExists(folder.resolve(file));
    }
    Files.delete(folder);
  }

  private static String llada(
      int hidden, int layers, int heads, int inner, int vocabulary, int length) {
    return """
        {"model_type": "llada", "block_type": "llama", "layer_norm_type": "rms",
         "activation_type": "silu", "rope": true, "d_model": %d, "n_layers": %d, "n_heads": %d,
         "n_kv_heads": %d, "mlp_hidden_size": %d, "vocab_size": %d, "embedding_size": %d,
         "weight_tying": false, "rms_norm_eps": 1e-5, "rope_theta": 500000.0,
         "max_sequence_length": %d, "mask_token_id": 1, "eos_token_id": 2, "pad_token_id": 2}
        """
        .formatted(hidden, layers, heads, heads, inner, vocabulary, vocabulary, length);
  }

  private static String sdar(
      int hidden,
      int layers,
      int heads,
      int keyHeads,
      int headSize,
      int inner,
      int vocabulary,
      int block) {
    return """
        {"model_type": "sdar", "architectures": ["SDARForCausalLM"], "vocab_size": %d,
         "hidden_size": %d, "intermediate_size": %d, "num_hidden_layers": %d,
         "num_attention_heads": %d, "num_key_value_heads": %d, "head_dim": %d, "hidden_act": "silu",
         "max_position_embeddings": 2048, "rms_norm_eps": 1e-6, "tie_word_embeddings": false,
         "attention_bias": false, "rope_theta": 1000000.0, "block_length": %d,
         "mask_token_id": %d, "eos_token_id": %d}
        """
        .formatted(
            vocabulary,
            hidden,
            inner,
            layers,
            heads,
            keyHeads,
            headSize,
            block,
            vocabulary - 1,
            vocabulary - 2);
  }

  /** Writes the files of a configured model; the weights may take many gigabytes. */
  static void write(Path folder, String config) throws IOException {
    Files.writeString(folder.resolve("config.json"), config);
    JsonNode json = JsonMapper.shared().readTree(config);
    ModelSpec spec = Families.spec(json);
    Map<String, List<Long>> tensors = Families.of(json).tensors().shapes(spec, Set.of());
    StringBuilder header = new StringBuilder("{");
    long end = 0;
    for (Map.Entry<String, List<Long>> tensor : tensors.entrySet()) {
      long start = end;
      end += 2 * elements(tensor.getValue());
      header
          .append(header.length() == 1 ? "" : ",")
          .append(
              "\"%s\":{\"dtype\":\"BF16\",\"shape\":%s,\"data_offsets\":[%d,%d]}"
                  .formatted(tensor.getKey(), tensor.getValue(), start, end));
    }
    byte[] head = header.append("}").toString().getBytes(StandardCharsets.UTF_8);
    Path file = folder.resolve("model.safetensors");
    try (FileChannel out =
        FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      ByteBuffer length = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
      write(out, length.putLong(head.length).flip());
      write(out, ByteBuffer.wrap(head));
      ByteBuffer random = random();
      ByteBuffer ones = ones(spec.hidden());
      for (List<Long> shape : tensors.values()) {
        long left = 2 * elements(shape);
        ByteBuffer source = shape.size() == 1 ? ones : random;
        while (left > 0) {
          int count = (int) Math.min(left, source.capacity());
          write(out, source.slice(0, count));
          left -= count;
        }
      }
    }
  }

  private static void write(FileChannel out, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      int _ = out.write(bytes);
    }
  }

  private static ByteBuffer random() {
    SplittableRandom random = new SplittableRandom(1);
    ByteBuffer block = ByteBuffer.allocateDirect(2 * BLOCK_ELEMENTS).order(ByteOrder.LITTLE_ENDIAN);
    while (block.hasRemaining()) {
      block.putShort(Bf16.fromFloat((float) (SPREAD * random.nextGaussian())));
    }
    return block.flip();
  }

  private static ByteBuffer ones(int count) {
    ByteBuffer block = ByteBuffer.allocateDirect(2 * count).order(ByteOrder.LITTLE_ENDIAN);
    while (block.hasRemaining()) {
      block.putShort(ONE);
    }
    return block.flip();
  }

  private static long elements(List<Long> shape) {
    return shape.stream().reduce(1L, Math::multiplyExact);
  }
}
