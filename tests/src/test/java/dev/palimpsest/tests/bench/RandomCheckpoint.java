package dev.palimpsest.tests.bench;

import dev.palimpsest.engine.backend.host.Bf16;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * A LLaDA checkpoint in bf16 of any size, whose weights are one block of normally distributed
 * numbers over and over: what it says is nonsense, what it costs is not.
 */
final class RandomCheckpoint {
  private static final int BLOCK_ELEMENTS = 1 << 24;
  private static final double SPREAD = 0.02;
  private static final short ONE = 0x3F80;

  private RandomCheckpoint() {}

  /** The geometry of a model. */
  record Geometry(
      int hidden, int layers, int heads, int keyHeads, int inner, int vocabulary, int length) {
    /** GSAI-ML/LLaDA-8B. */
    static final Geometry LLADA_8B = new Geometry(4096, 32, 32, 32, 12_288, 126_464, 4096);

    /** Small enough for a device that is emulated. */
    static final Geometry TINY = new Geometry(64, 2, 4, 4, 128, 512, 512);

    private String config() {
      return """
          {"model_type": "llada", "block_type": "llama", "layer_norm_type": "rms",
           "activation_type": "silu", "rope": true, "d_model": %d, "n_heads": %d, "n_kv_heads": %d,
           "mlp_hidden_size": %d, "vocab_size": %d, "embedding_size": %d, "n_layers": %d,
           "weight_tying": false, "rms_norm_eps": 1e-5, "rope_theta": 500000.0,
           "max_sequence_length": %d, "mask_token_id": 1, "eos_token_id": 2, "pad_token_id": 2}
          """
          .formatted(hidden, heads, keyHeads, inner, vocabulary, vocabulary, layers, length);
    }

    private Map<String, int[]> tensors() {
      Map<String, int[]> tensors = new LinkedHashMap<>();
      String root = "model.transformer.";
      int keyWidth = hidden / heads * keyHeads;
      tensors.put(root + "wte.weight", new int[] {vocabulary, hidden});
      for (int i = 0; i < layers; i++) {
        String block = root + "blocks." + i + ".";
        tensors.put(block + "attn_norm.weight", new int[] {hidden});
        tensors.put(block + "q_proj.weight", new int[] {hidden, hidden});
        tensors.put(block + "k_proj.weight", new int[] {keyWidth, hidden});
        tensors.put(block + "v_proj.weight", new int[] {keyWidth, hidden});
        tensors.put(block + "attn_out.weight", new int[] {hidden, hidden});
        tensors.put(block + "ff_norm.weight", new int[] {hidden});
        tensors.put(block + "ff_proj.weight", new int[] {inner, hidden});
        tensors.put(block + "up_proj.weight", new int[] {inner, hidden});
        tensors.put(block + "ff_out.weight", new int[] {hidden, inner});
      }
      tensors.put(root + "ln_f.weight", new int[] {hidden});
      tensors.put(root + "ff_out.weight", new int[] {vocabulary, hidden});
      return tensors;
    }
  }

  /** Writes the model's files; the weights may take many gigabytes. */
  static void write(Path folder, Geometry geometry) throws IOException {
    Files.writeString(folder.resolve("config.json"), geometry.config());
    StringBuilder header = new StringBuilder("{");
    long end = 0;
    for (Map.Entry<String, int[]> tensor : geometry.tensors().entrySet()) {
      long start = end;
      end += 2 * elements(tensor.getValue());
      StringBuilder shape = new StringBuilder();
      for (int size : tensor.getValue()) {
        shape.append(shape.isEmpty() ? "" : ",").append(size);
      }
      header
          .append(header.length() == 1 ? "" : ",")
          .append(
              "\"%s\":{\"dtype\":\"BF16\",\"shape\":[%s],\"data_offsets\":[%d,%d]}"
                  .formatted(tensor.getKey(), shape, start, end));
    }
    byte[] json = header.append("}").toString().getBytes(StandardCharsets.UTF_8);
    Path file = folder.resolve("model.safetensors");
    try (FileChannel out =
        FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      ByteBuffer length = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
      write(out, length.putLong(json.length).flip());
      write(out, ByteBuffer.wrap(json));
      ByteBuffer random = random();
      ByteBuffer ones = ones(geometry.hidden());
      for (int[] shape : geometry.tensors().values()) {
        long left = 2 * elements(shape);
        ByteBuffer source = shape.length == 1 ? ones : random;
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

  private static long elements(int[] shape) {
    long elements = 1;
    for (int size : shape) {
      elements *= size;
    }
    return elements;
  }
}
