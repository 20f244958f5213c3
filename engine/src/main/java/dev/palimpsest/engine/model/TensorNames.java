package dev.palimpsest.engine.model;

import dev.palimpsest.engine.model.Attention.Values;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * The names of the weights that the forward needs, as a family's checkpoints have them. A bias is
 * named as its weight, with {@code bias} for {@code weight}.
 *
 * @param embedding [vocabulary, hidden]
 * @param finalNorm [hidden]
 * @param head [vocabulary, hidden]
 * @param layerPrefix what a layer's names begin with; {@code %d} in it is the layer's number
 * @param layer a layer's names behind that prefix
 * @param canvas of what a canvas has beside that, where the family has one
 * @param skipped what the names begin with that the forward does not need, as those of image towers
 */
public record TensorNames(
    String embedding,
    String finalNorm,
    String head,
    String layerPrefix,
    Layer layer,
    Optional<Canvas> canvas,
    List<String> skipped) {
  private static final String GATE_UP = "gate_up_proj";

  /** Copies the list. */
  public TensorNames {
    skipped = List.copyOf(skipped);
  }

  /** The names of a family without a canvas, all of whose tensors are needed. */
  public TensorNames(
      String embedding, String finalNorm, String head, String layerPrefix, Layer layer) {
    this(embedding, finalNorm, head, layerPrefix, layer, Optional.empty(), List.of());
  }

  /**
   * The names of a layer's tensors.
   *
   * @param scalar [1], what the residual stream is multiplied by, where the family has some
   */
  public record Layer(Attention attention, FeedForward feedForward, Optional<String> scalar) {
    /** A layer without a scalar. */
    public Layer(Attention attention, FeedForward feedForward) {
      this(attention, feedForward, Optional.empty());
    }

    Layer under(String prefix) {
      return new Layer(
          attention.under(prefix), feedForward.under(prefix), scalar.map(prefix::concat));
    }
  }

  /**
   * The names of what a canvas has for itself. Its layers' scalars are those of {@link Layer}; what
   * precedes it has others.
   *
   * @param precedingScalar [1], of a layer; {@code %d} in it is the layer's number
   * @param conditioningNorm [hidden], before the matrices
   * @param conditioning of the feed-forward of what is told of the step before
   */
  public record Canvas(String precedingScalar, String conditioningNorm, Matrices conditioning) {}

  /**
   * The names of a layer's attention.
   *
   * @param norm [hidden], before the projections
   * @param normAfter [hidden], of what is added to the residual stream, where the family has one
   * @param projections queries, keys and values, [heads · head size, hidden] each; or all three
   *     stacked in one. Where values are keys, the last is not there
   * @param headNorms where the family has some
   * @param out [hidden, heads · head size]
   */
  public record Attention(
      String norm,
      Optional<String> normAfter,
      List<String> projections,
      Optional<HeadNorms> headNorms,
      String out) {
    /** Attention with one norm. */
    public Attention(
        String norm, List<String> projections, Optional<HeadNorms> headNorms, String out) {
      this(norm, Optional.empty(), projections, headNorms, out);
    }

    /** Copies the list. */
    public Attention {
      projections = List.copyOf(projections);
    }

    /** What queries, keys and values are projected by, which may be one tensor for the last two. */
    public List<String> projections(Values values) {
      return values.areKeys()
          ? List.of(projections.get(0), projections.get(1), projections.get(1))
          : projections;
    }

    /** The biases of the projections. */
    public List<String> projectionBiases(Values values) {
      return projections(values).stream()
          .map(name -> name.replaceFirst("weight$", "bias"))
          .toList();
    }

    Attention under(String prefix) {
      return new Attention(
          prefix + norm,
          normAfter.map(prefix::concat),
          projections.stream().map(prefix::concat).toList(),
          headNorms.map(each -> each.under(prefix)),
          prefix + out);
    }
  }

  /** The gains of query and key heads, [head size] each. */
  public record HeadNorms(String query, String key) {
    HeadNorms under(String prefix) {
      return new HeadNorms(prefix + query, prefix + key);
    }
  }

  /**
   * The names of a layer's feed-forward.
   *
   * @param norm [hidden], before the matrices; beside experts with norms of their own, before those
   *     of the shared one
   * @param normAfter [hidden], of what is added to the residual stream, where the family has one
   * @param dense of a layer without experts
   * @param experts where the family has some
   * @param branches where the family has norms of experts and of what stands beside them
   */
  public record FeedForward(
      String norm,
      Optional<String> normAfter,
      Matrices dense,
      Optional<Experts> experts,
      Optional<BranchNorms> branches) {
    /** A feed-forward with one norm. */
    public FeedForward(String norm, Matrices dense, Optional<Experts> experts) {
      this(norm, Optional.empty(), dense, experts, Optional.empty());
    }

    FeedForward under(String prefix) {
      return new FeedForward(
          prefix + norm,
          normAfter.map(prefix::concat),
          dense.under(prefix),
          experts.map(each -> each.under(prefix)),
          branches.map(each -> each.under(prefix)));
    }
  }

  /**
   * The gains of the norms of experts and of the shared one beside them, [hidden] each.
   *
   * @param afterShared of what the shared expert gives
   * @param beforeExperts of what the experts take
   * @param afterExperts of what they give
   */
  public record BranchNorms(String afterShared, String beforeExperts, String afterExperts) {
    BranchNorms under(String prefix) {
      return new BranchNorms(prefix + afterShared, prefix + beforeExperts, prefix + afterExperts);
    }
  }

  /**
   * The names of a gated feed-forward's three matrices.
   *
   * @param gate what goes through the gate's function, [width, hidden]
   * @param up what the gate multiplies, [width, hidden]
   * @param down [hidden, width]
   */
  public record Matrices(String gate, String up, String down) {
    /** The same names behind a prefix. */
    public Matrices under(String prefix) {
      return new Matrices(prefix + gate, prefix + up, prefix + down);
    }

    private Matrices withoutWeight() {
      return new Matrices(withoutWeight(gate), withoutWeight(up), withoutWeight(down));
    }

    private static String withoutWeight(String name) {
      return name.replaceFirst("\\.weight$", "");
    }
  }

  /**
   * The names of a layer's experts. An expert's matrices are behind the prefix and its number; or
   * those of all experts of a layer are stacked in three tensors [experts, rows, columns] behind
   * the prefix alone, or in two, gate and up being one.
   *
   * @param router [experts, hidden]
   * @param routerBias [experts], where the family's routers have one
   * @param scales where the family's routers have some
   * @param prefix of the experts
   * @param matrices of one expert, behind the prefix and its number
   * @param shared the expert that every token uses, where the family has one
   */
  public record Experts(
      String router,
      Optional<String> routerBias,
      Optional<RouterScales> scales,
      String prefix,
      Matrices matrices,
      Optional<Matrices> shared) {
    /** Experts whose router has no scales. */
    public Experts(
        String router,
        Optional<String> routerBias,
        String prefix,
        Matrices matrices,
        Optional<Matrices> shared) {
      this(router, routerBias, Optional.empty(), prefix, matrices, shared);
    }

    /**
     * The matrices of a layer's experts, stacked if that is what the checkpoint has.
     *
     * @param count experts of the layer
     * @param present all names of the checkpoint
     */
    public ExpertMatrices matrices(int count, Set<String> present) {
      String fused = prefix + GATE_UP;
      if (present.contains(fused)) {
        return new ExpertMatrices.Fused(fused, matrices.under(prefix).withoutWeight().down());
      }
      Matrices stacked = matrices.under(prefix);
      if (present.contains(stacked.gate())) {
        return new ExpertMatrices.Stacked(stacked);
      }
      if (present.contains(stacked.withoutWeight().gate())) {
        return new ExpertMatrices.Stacked(stacked.withoutWeight());
      }
      return new ExpertMatrices.Single(
          IntStream.range(0, count)
              .mapToObj(expert -> matrices.under(prefix + expert + "."))
              .toList());
    }

    Experts under(String outer) {
      return new Experts(
          outer + router,
          routerBias.map(outer::concat),
          scales.map(each -> each.under(outer)),
          outer + prefix,
          matrices,
          shared.map(each -> each.under(outer)));
    }
  }

  /**
   * The names of what a router multiplies by.
   *
   * @param input the gain of the router's own norm, [hidden]
   * @param perExpert of the chosen experts' weights, [experts]
   */
  public record RouterScales(String input, String perExpert) {
    RouterScales under(String prefix) {
      return new RouterScales(prefix + input, prefix + perExpert);
    }
  }

  /** The names of the matrices of all experts of a layer. */
  public sealed interface ExpertMatrices {
    /** Three tensors an expert. */
    record Single(List<Matrices> experts) implements ExpertMatrices {}

    /** Three tensors a layer, [experts, rows, columns]. */
    record Stacked(Matrices all) implements ExpertMatrices {}

    /**
     * Two tensors a layer.
     *
     * @param gateUp gate and up of every expert, [experts, 2 · width, hidden]
     * @param down [experts, hidden, width]
     */
    record Fused(String gateUp, String down) implements ExpertMatrices {}
  }

  /** Whether the forward has no use for a tensor of this name. */
  public boolean skips(String name) {
    return skipped.stream().anyMatch(name::startsWith);
  }

  /** The names of one layer's tensors, with the prefix. */
  public Layer layer(int number) {
    return layer.under(layerPrefix.formatted(number));
  }

  /**
   * The shapes of all tensors of a checkpoint, by name; a tied head has none of its own.
   *
   * @param present all names of the checkpoint, by which stacked experts are recognized
   */
  public Map<String, List<Long>> shapes(ModelSpec spec, Set<String> present) {
    return TensorShapes.of(this, spec, present);
  }

  /**
   * Tensors that a checkpoint may have beside those of {@link #shapes}, and the ones that they must
   * equal: the head that is tied to the embedding.
   */
  public Map<String, String> ties(ModelSpec spec) {
    return spec.tiedHead() ? Map.of(head, embedding) : Map.of();
  }
}
