package dev.palimpsest.engine.forward;

import dev.palimpsest.engine.backend.Backend;
import dev.palimpsest.engine.backend.Weight;
import dev.palimpsest.engine.checkpoint.Checkpoint;
import dev.palimpsest.engine.checkpoint.Tensor;
import dev.palimpsest.engine.model.Families;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.engine.model.TensorNames;
import java.util.ArrayList;
import java.util.List;
import java.util.function.DoubleConsumer;

/** A model's weights in a backend's memory. */
record Weights(Weight embedding, List<Layer> layers, Weight finalNorm, Weight head, Weight rotary) {

  /**
   * The weights of one block.
   *
   * @param attentionQkv queries, keys and values stacked, [(heads + 2 · key heads) · head size,
   *     hidden]
   * @param gateUp gate and up stacked, [2 · feed-forward, hidden]
   */
  record Layer(
      Weight attentionNorm,
      Weight attentionQkv,
      Weight attentionOut,
      Weight feedForwardNorm,
      Weight gateUp,
      Weight down) {}

  /**
   * Copies a model's weights to the backend.
   *
   * @param progress is told the share that is loaded, from 0 to 1
   */
  static Weights load(
      Checkpoint checkpoint, ModelSpec spec, Backend backend, DoubleConsumer progress) {
    TensorNames names = Families.of(checkpoint.config()).tensors();
    checkpoint.requireExactly(names.shapes(spec, checkpoint.names()));
    Loader loader = new Loader(checkpoint, backend, progress);
    Weight embedding = loader.load(names.embedding());
    List<Layer> layers = new ArrayList<>();
    for (int layer = 0; layer < spec.layers(); layer++) {
      TensorNames.FeedForward dense = names.dense(layer);
      layers.add(
          new Layer(
              loader.load(names.of(layer, names.attentionNorm())),
              loader.load(names.projections(layer)),
              loader.load(names.of(layer, names.attentionOut())),
              loader.load(names.of(layer, names.feedForwardNorm())),
              loader.load(List.of(dense.gate(), dense.up())),
              loader.load(dense.down())));
    }
    Weight finalNorm = loader.load(names.finalNorm());
    Weight head = spec.tiedHead() ? embedding : loader.load(names.head());
    Weight rotary =
        backend.table(
            spec.maxLength(), spec.rotary().size(), spec.rotary().table(spec.maxLength()));
    return new Weights(embedding, layers, finalNorm, head, rotary);
  }

  private static final class Loader {
    private final Checkpoint checkpoint;
    private final Backend backend;
    private final DoubleConsumer progress;
    private final double total;
    private long loaded;

    Loader(Checkpoint checkpoint, Backend backend, DoubleConsumer progress) {
      this.checkpoint = checkpoint;
      this.backend = backend;
      this.progress = progress;
      total = checkpoint.bytes();
    }

    Weight load(String name) {
      return load(List.of(name));
    }

    Weight load(List<String> names) {
      List<Tensor> parts = names.stream().map(checkpoint::tensor).toList();
      Weight weight = backend.weight(parts);
      loaded += parts.stream().mapToLong(part -> part.data().byteSize()).sum();
      progress.accept(loaded / total);
      return weight;
    }
  }
}
