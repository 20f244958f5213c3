package dev.palimpsest.engine.forward;

import dev.palimpsest.engine.backend.Backend;
import dev.palimpsest.engine.backend.ExpertWeights;
import dev.palimpsest.engine.backend.Weight;
import dev.palimpsest.engine.checkpoint.Checkpoint;
import dev.palimpsest.engine.checkpoint.Tensor;
import dev.palimpsest.engine.model.Families;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.engine.model.TensorNames;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.DoubleConsumer;
import java.util.function.Function;

/**
 * A model's weights in a backend's memory.
 *
 * @param bytes that all of them take, the rotary table included
 */
record Weights(
    Weight embedding,
    List<Layer> layers,
    Weight finalNorm,
    Weight head,
    Weight rotary,
    long bytes) {

  /**
   * The weights of one block.
   *
   * @param attentionQkv queries, keys and values stacked, [(heads + 2 · key heads) · head size,
   *     hidden]
   * @param attentionBias of the stacked projections, if they have one
   * @param headNorms gains of the heads, if they are normalized
   * @param dense the feed-forward that every token uses, if there is one
   * @param sparse the experts, if the layer has them
   */
  record Layer(
      Weight attentionNorm,
      Weight attentionQkv,
      Optional<Weight> attentionBias,
      Optional<HeadNorms> headNorms,
      Weight attentionOut,
      Weight feedForwardNorm,
      Optional<Dense> dense,
      Optional<Sparse> sparse) {}

  /** The gains of query and key heads, [head size]. */
  record HeadNorms(Weight query, Weight key) {}

  /**
   * A feed-forward that every token uses.
   *
   * @param gateUp gate and up stacked, [2 · width, hidden]
   * @param down [hidden, width]
   */
  record Dense(Weight gateUp, Weight down) {}

  /**
   * A feed-forward of experts; the expert that every token uses is the layer's dense one.
   *
   * @param router [experts, hidden]
   */
  record Sparse(Weight router, ExpertWeights experts) {}

  /**
   * Copies a model's weights to the backend.
   *
   * @param progress is told the share that is loaded, from 0 to 1
   */
  static Weights load(
      Checkpoint checkpoint, ModelSpec spec, Backend backend, DoubleConsumer progress) {
    TensorNames names = Families.of(checkpoint.config()).tensors();
    checkpoint.requireExactly(names.shapes(spec, checkpoint.names()), names.ties(spec));
    Loader loader = new Loader(checkpoint, backend, progress);
    Weight embedding = loader.load(names.embedding());
    List<Layer> layers = new ArrayList<>();
    for (int layer = 0; layer < spec.layers(); layer++) {
      layers.add(layer(spec, names, loader, layer));
    }
    Weight finalNorm = loader.load(names.finalNorm());
    Weight head = spec.tiedHead() ? embedding : loader.load(names.head());
    Weight rotary =
        backend.table(
            spec.maxLength(), spec.rotary().size(), spec.rotary().table(spec.maxLength()));
    return new Weights(embedding, layers, finalNorm, head, rotary, loader.bytes + rotary.bytes());
  }

  private static Layer layer(ModelSpec spec, TensorNames names, Loader loader, int layer) {
    boolean isDense = spec.isDense(layer);
    boolean isShared = !isDense && spec.experts().orElseThrow().sharedWidth() > 0;
    Optional<TensorNames.FeedForward> dense =
        isDense
            ? Optional.of(names.dense(layer))
            : isShared ? Optional.of(names.shared(layer)) : Optional.empty();
    return new Layer(
        loader.load(names.of(layer, names.attentionNorm())),
        loader.load(names.projections(layer)),
        spec.projectionBias()
            ? Optional.of(loader.load(names.projectionBiases(layer)))
            : Optional.empty(),
        spec.headNorm()
            ? Optional.of(
                new HeadNorms(
                    loader.load(names.of(layer, names.queryNorm())),
                    loader.load(names.of(layer, names.keyNorm()))))
            : Optional.empty(),
        loader.load(names.of(layer, names.attentionOut())),
        loader.load(names.of(layer, names.feedForwardNorm())),
        dense.map(
            each ->
                new Dense(loader.load(List.of(each.gate(), each.up())), loader.load(each.down()))),
        isDense ? Optional.empty() : Optional.of(loader.experts(spec, names, layer)));
  }

  private static final class Loader {
    private final Checkpoint checkpoint;
    private final Backend backend;
    private final DoubleConsumer progress;
    private final double total;
    private long loaded;
    private long bytes;

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
      return load(names.stream().map(checkpoint::tensor).toList(), backend::weight);
    }

    /** Gate and up of expert after expert, then all downs. */
    Sparse experts(ModelSpec spec, TensorNames names, int layer) {
      Weight router =
          load(List.of(checkpoint.tensor(names.of(layer, names.router()))), backend::exactWeight);
      Optional<Weight> bias =
          spec.experts().orElseThrow().router().hasBias()
              ? Optional.of(load(names.of(layer, names.routerBias())))
              : Optional.empty();
      List<Tensor> gateUp = new ArrayList<>();
      List<Tensor> down = new ArrayList<>();
      switch (names.experts(spec, layer, checkpoint.names())) {
        case TensorNames.ExpertTensors.Single(List<TensorNames.FeedForward> experts) -> {
          for (TensorNames.FeedForward expert : experts) {
            gateUp.add(checkpoint.tensor(expert.gate()));
            gateUp.add(checkpoint.tensor(expert.up()));
            down.add(checkpoint.tensor(expert.down()));
          }
        }
        case TensorNames.ExpertTensors.Stacked(TensorNames.FeedForward all) -> {
          Tensor gates = checkpoint.tensor(all.gate());
          Tensor ups = checkpoint.tensor(all.up());
          Tensor downs = checkpoint.tensor(all.down());
          for (int expert = 0; expert < spec.experts().orElseThrow().count(); expert++) {
            gateUp.add(gates.slice(expert));
            gateUp.add(ups.slice(expert));
            down.add(downs.slice(expert));
          }
        }
      }
      Weight both = load(gateUp, backend::weight);
      return new Sparse(router, new ExpertWeights(bias, both, load(down, backend::weight)));
    }

    private Weight load(List<Tensor> parts, Function<List<Tensor>, Weight> copy) {
      Weight weight = copy.apply(parts);
      bytes += weight.bytes();
      loaded += parts.stream().mapToLong(part -> part.data().byteSize()).sum();
      progress.accept(loaded / total);
      return weight;
    }
  }
}
