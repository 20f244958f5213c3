package dev.palimpsest.engine.forward;

import dev.palimpsest.engine.backend.Backend;
import dev.palimpsest.engine.backend.ExpertWeights;
import dev.palimpsest.engine.backend.Weight;
import dev.palimpsest.engine.checkpoint.Checkpoint;
import dev.palimpsest.engine.checkpoint.Tensor;
import dev.palimpsest.engine.model.Experts;
import dev.palimpsest.engine.model.Families;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.engine.model.Rotary;
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
      layers.add(layer(spec, layer, names.layer(layer), loader));
    }
    Weight finalNorm = loader.load(names.finalNorm());
    Weight head = spec.tiedHead() ? embedding : loader.load(names.head());
    Rotary rotary = spec.attention().rotary();
    Weight table = backend.table(spec.maxLength(), rotary.size(), rotary.table(spec.maxLength()));
    return new Weights(embedding, layers, finalNorm, head, table, loader.bytes + table.bytes());
  }

  private static Layer layer(ModelSpec spec, int number, TensorNames.Layer names, Loader loader) {
    TensorNames.Attention attention = names.attention();
    TensorNames.FeedForward feedForward = names.feedForward();
    Optional<Experts> experts = spec.feedForward().experts(number);
    Optional<TensorNames.Matrices> dense =
        experts.isEmpty()
            ? Optional.of(feedForward.dense())
            : experts
                .filter(each -> each.sharedWidth() > 0)
                .flatMap(_ -> feedForward.experts().orElseThrow().shared());
    return new Layer(
        loader.load(attention.norm()),
        loader.load(attention.projections()),
        spec.attention().projectionBias()
            ? Optional.of(loader.bias(attention.projectionBiases()))
            : Optional.empty(),
        spec.attention().headNorm()
            ? attention
                .headNorms()
                .map(norms -> new HeadNorms(loader.load(norms.query()), loader.load(norms.key())))
            : Optional.empty(),
        loader.load(attention.out()),
        loader.load(feedForward.norm()),
        dense.map(
            each ->
                new Dense(loader.load(List.of(each.gate(), each.up())), loader.load(each.down()))),
        experts.map(each -> loader.experts(each, feedForward.experts().orElseThrow())));
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

    Weight bias(List<String> names) {
      return load(names.stream().map(checkpoint::tensor).toList(), backend::bias);
    }

    /** Gate and up of expert after expert, then all downs. */
    Sparse experts(Experts experts, TensorNames.Experts names) {
      Weight router = load(List.of(checkpoint.tensor(names.router())), backend::exactWeight);
      Optional<Weight> bias =
          experts.router().hasBias() ? names.routerBias().map(this::load) : Optional.empty();
      List<Tensor> gateUp = new ArrayList<>();
      List<Tensor> down = new ArrayList<>();
      switch (names.matrices(experts.count(), checkpoint.names())) {
        case TensorNames.ExpertMatrices.Single(List<TensorNames.Matrices> all) -> {
          for (TensorNames.Matrices expert : all) {
            gateUp.add(checkpoint.tensor(expert.gate()));
            gateUp.add(checkpoint.tensor(expert.up()));
            down.add(checkpoint.tensor(expert.down()));
          }
        }
        case TensorNames.ExpertMatrices.Stacked(TensorNames.Matrices all) -> {
          Tensor gates = checkpoint.tensor(all.gate());
          Tensor ups = checkpoint.tensor(all.up());
          Tensor downs = checkpoint.tensor(all.down());
          for (int expert = 0; expert < experts.count(); expert++) {
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
