package dev.palimpsest.engine.forward;

import dev.palimpsest.engine.backend.Activation;
import dev.palimpsest.engine.backend.Backend;
import dev.palimpsest.engine.backend.ExpertWeights;
import dev.palimpsest.engine.backend.TensorCopy;
import dev.palimpsest.engine.backend.Weight;
import dev.palimpsest.engine.checkpoint.Checkpoint;
import dev.palimpsest.engine.checkpoint.Tensor;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.engine.model.Attention;
import dev.palimpsest.engine.model.Experts;
import dev.palimpsest.engine.model.Families;
import dev.palimpsest.engine.model.Gate;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.engine.model.Rotary;
import dev.palimpsest.engine.model.Router;
import dev.palimpsest.engine.model.TensorNames;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.DoubleConsumer;
import java.util.function.Function;
import java.util.stream.IntStream;

/**
 * A model's weights in a backend's memory.
 *
 * @param embeddingScale what embeddings are multiplied by, if by anything: the same number for
 *     every kind of row
 * @param canvas of what a canvas has for itself, if the model has one
 * @param rotary the tables of angles of every layer; layers that turn alike share one
 * @param bytes that all of them take, the rotary tables included
 */
record Weights(
    Weight embedding,
    Optional<Weight> embeddingScale,
    List<Layer> layers,
    Optional<Conditioned> canvas,
    Weight finalNorm,
    Weight head,
    List<Turns> rotary,
    long bytes) {

  /**
   * The weights of one block.
   *
   * @param attentionQkv queries, keys and values stacked, [(heads + 2 · key heads) · head size,
   *     hidden]
   * @param attentionBias of the stacked projections, if they have one
   * @param headNorms gains of the heads, if they are normalized
   * @param valueNorm ones, if the heads of values are normalized
   * @param attentionAfter gain of what attention adds, if that is normalized
   * @param feedForwardAfter gain of what the feed-forward adds, if that is normalized
   * @param branches gains around the experts and beside them, if they have some
   * @param dense the feed-forward that every token uses, if there is one
   * @param sparse the experts, if the layer has them
   * @param scalars what the residual stream is multiplied by, one a {@link RaggedBatch#kinds kind}
   *     of row, if by anything
   */
  record Layer(
      Weight attentionNorm,
      Weight attentionQkv,
      Optional<Weight> attentionBias,
      Optional<HeadNorms> headNorms,
      Optional<Weight> valueNorm,
      Weight attentionOut,
      Optional<Weight> attentionAfter,
      Weight feedForwardNorm,
      Optional<Weight> feedForwardAfter,
      Optional<BranchNorms> branches,
      Optional<Dense> dense,
      Optional<Sparse> sparse,
      Optional<Weight> scalars) {}

  /** The gains of query and key heads, [head size]. */
  record HeadNorms(Weight query, Weight key) {}

  /**
   * Tables of angles.
   *
   * @param queries what queries are rotated by: the keys' table, but where they grow
   */
  record Turns(Weight queries, Weight keys) {
    boolean areOne() {
      return queries.equals(keys);
    }
  }

  /** Gains of experts and of the shared one, [hidden], as {@link TensorNames.BranchNorms} says. */
  record BranchNorms(Weight afterShared, Weight beforeExperts, Weight afterExperts) {}

  /**
   * What a canvas has for itself.
   *
   * @param norm of what it is told, [hidden]
   * @param told the feed-forward of what it is told
   * @param ones the gain of the norm behind it, which has none, [hidden]
   */
  record Conditioned(Weight norm, Dense told, Weight ones) {}

  /**
   * A feed-forward that every token uses.
   *
   * @param gateUp gate and up stacked, [2 · width, hidden]
   * @param down [hidden, width]
   */
  record Dense(Weight gateUp, Weight down) {
    /** What {@code down} multiplies. */
    Activation activated(Activation x, Gate gate, Backend backend, StepMemory memory) {
      Activation both = memory.gateUp().firstRows(x.rows()).columns(0, gateUp.rows());
      Activation activated = memory.activated().firstRows(x.rows()).columns(0, down.columns());
      backend.linear(x, gateUp, 0, both);
      backend.gated(gate, both, activated);
      return activated;
    }
  }

  /**
   * A feed-forward of experts; the expert that every token uses is the layer's dense one.
   *
   * @param router [experts, hidden]
   * @param routerNorm the gain of the router's own norm, [hidden], if it has one
   */
  record Sparse(Weight router, Optional<Weight> routerNorm, ExpertWeights experts) {}

  /**
   * Copies a model's weights to the backend.
   *
   * @param progress is told the share that is loaded, from 0 to 1
   */
  static Weights load(
      Checkpoint checkpoint, ModelSpec spec, Backend backend, DoubleConsumer progress) {
    TensorNames names = Families.of(checkpoint.config()).tensors();
    checkpoint.requireExactly(
        names.shapes(spec, checkpoint.names()), names.ties(spec), names::skips);
    Loader loader = new Loader(checkpoint, backend, progress);
    Weight embedding = loader.load(names.embedding());
    List<Layer> layers = new ArrayList<>();
    for (int layer = 0; layer < spec.layers(); layer++) {
      layers.add(layer(spec, layer, names, loader));
    }
    Weight finalNorm = loader.load(names.finalNorm());
    Weight head = spec.tiedHead() ? embedding : loader.load(names.head());
    Map<Rotary, Turns> tables = new HashMap<>();
    List<Turns> rotary =
        IntStream.range(0, spec.layers())
            .mapToObj(
                layer ->
                    tables.computeIfAbsent(
                        spec.attention(layer).rotary(), each -> turns(each, spec, loader)))
            .toList();
    float scale = (float) spec.stream().embeddingScale();
    Optional<Weight> embeddingScale =
        scale == 1 ? Optional.empty() : Optional.of(loader.vector(scale, scale));
    Optional<Conditioned> canvas =
        spec.canvas()
            .map(
                _ -> {
                  TensorNames.Canvas own = names.canvas().orElseThrow();
                  return new Conditioned(
                      loader.load(own.conditioningNorm()),
                      loader.dense(own.conditioning()),
                      loader.ones(spec.hidden()));
                });
    return new Weights(
        embedding, embeddingScale, layers, canvas, finalNorm, head, rotary, loader.bytes);
  }

  private static Turns turns(Rotary rotary, ModelSpec spec, Loader loader) {
    int positions = spec.maxLength();
    Weight keys = loader.table(positions, rotary.size(), rotary.table(positions));
    return new Turns(
        rotary.growth().isEmpty()
            ? keys
            : loader.table(positions, rotary.size(), rotary.queryTable(positions)),
        keys);
  }

  private static Layer layer(ModelSpec spec, int number, TensorNames all, Loader loader) {
    TensorNames.Layer names = all.layer(number);
    Attention own = spec.attention(number);
    TensorNames.Attention attention = names.attention();
    TensorNames.FeedForward feedForward = names.feedForward();
    boolean isNormedAfter = spec.stream().norms().areAfter();
    Optional<Experts> experts = spec.feedForward().experts(number);
    Optional<TensorNames.Matrices> dense =
        experts.isEmpty()
            ? Optional.of(feedForward.dense())
            : experts
                .filter(each -> each.sharedWidth() > 0)
                .flatMap(_ -> feedForward.experts().orElseThrow().shared());
    return new Layer(
        loader.load(attention.norm()),
        loader.load(attention.projections(own.values())),
        own.projectionBias()
            ? Optional.of(loader.bias(attention.projectionBiases(own.values())))
            : Optional.empty(),
        own.headNorm()
            ? attention
                .headNorms()
                .map(
                    norms ->
                        new HeadNorms(
                            loader.gain(norms.query(), own.queryGain()), loader.load(norms.key())))
            : Optional.empty(),
        own.values().areNormed() ? Optional.of(loader.ones(own.headSize())) : Optional.empty(),
        loader.load(attention.out()),
        isNormedAfter ? attention.normAfter().map(loader::load) : Optional.empty(),
        loader.load(feedForward.norm()),
        isNormedAfter ? feedForward.normAfter().map(loader::load) : Optional.empty(),
        isNormedAfter && experts.isPresent()
            ? feedForward.branches().map(loader::branches)
            : Optional.empty(),
        dense.map(loader::dense),
        experts.map(
            each -> loader.experts(each, feedForward.experts().orElseThrow(), spec.hidden())),
        spec.stream().layerScalars()
            ? Optional.of(loader.load(scalars(all, names, number)))
            : Optional.empty());
  }

  /** Those of what precedes a canvas, then the canvas's own. */
  private static List<String> scalars(TensorNames all, TensorNames.Layer names, int layer) {
    String own = names.scalar().orElseThrow();
    return all.canvas()
        .map(canvas -> List.of(canvas.precedingScalar().formatted(layer), own))
        .orElse(List.of(own));
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

    Dense dense(TensorNames.Matrices names) {
      return new Dense(load(List.of(names.gate(), names.up())), load(names.down()));
    }

    BranchNorms branches(TensorNames.BranchNorms names) {
      return new BranchNorms(
          load(names.afterShared()), load(names.beforeExperts()), load(names.afterExperts()));
    }

    /** A vector times a number. */
    Weight gain(String name, double factor) {
      if (factor == 1) {
        return load(name);
      }
      Tensor tensor = checkpoint.tensor(name);
      float[] values = new float[Math.toIntExact(tensor.elements())];
      TensorCopy.into(MemorySegment.ofArray(values), 0, Precision.F32, tensor);
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) (values[i] * factor);
      }
      return vector(values);
    }

    Weight ones(int count) {
      float[] ones = new float[count];
      Arrays.fill(ones, 1);
      return vector(ones);
    }

    Weight vector(float... values) {
      return table(1, values.length, values);
    }

    Weight table(int rows, int columns, float[] values) {
      Weight table = backend.table(rows, columns, values);
      bytes += table.bytes();
      return table;
    }

    /** Gate and up of expert after expert, then all downs. */
    Sparse experts(Experts experts, TensorNames.Experts names, int hidden) {
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
        case TensorNames.ExpertMatrices.Fused(String both, String downs) -> {
          for (int expert = 0; expert < experts.count(); expert++) {
            gateUp.add(checkpoint.tensor(both).slice(expert));
            down.add(checkpoint.tensor(downs).slice(expert));
          }
        }
      }
      Optional<TensorNames.RouterScales> scales =
          experts.router() instanceof Router.ScaledSoftmax ? names.scales() : Optional.empty();
      Optional<Weight> routerNorm = scales.map(each -> gain(each.input(), 1 / Math.sqrt(hidden)));
      Optional<Weight> scale = scales.map(each -> load(each.perExpert()));
      Weight both = load(gateUp, this::expertWeight);
      return new Sparse(
          router, routerNorm, new ExpertWeights(bias, scale, both, load(down, this::expertWeight)));
    }

    private Weight expertWeight(List<Tensor> parts) {
      return backend.expertWeight(parts, checkpoint.bytes());
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
