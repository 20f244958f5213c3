package dev.palimpsest.engine.backend.host;

import dev.palimpsest.engine.checkpoint.Checkpoint;
import dev.palimpsest.engine.forward.Transformer;
import dev.palimpsest.engine.model.Families;
import dev.palimpsest.engine.model.ModelSpec;
import java.nio.file.Path;
import tools.jackson.databind.json.JsonMapper;

/** Small LLaDA checkpoints of random f32 weights. */
enum TinyLlada {
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

  ModelSpec spec() {
    return Families.spec(JsonMapper.shared().readTree(config));
  }

  void write(Path folder, long seed) {
    TinyCheckpoint.write(folder, config, seed);
  }

  static Transformer load(Path folder, HostBackend backend) {
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      return Transformer.load(checkpoint, Families.spec(checkpoint.config()), backend, _ -> {});
    }
  }
}
