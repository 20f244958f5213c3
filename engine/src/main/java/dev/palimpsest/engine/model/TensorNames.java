package dev.palimpsest.engine.model;

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
 */
public record TensorNames(
    String embedding, String finalNorm, String head, String layerPrefix, Layer layer) {

  /** The names of a layer's tensors. */
  public record Layer(Attention attention, FeedForward feedForward) {
    Layer under(String prefix) {
      return new Layer(attention.under(prefix), feedForward.under(prefix));
    }
  }

  /**
   * The names of a layer's attention.
   *
   * @param norm [hidden], before the projections
   * @param projections queries, keys and values, [heads · head size, hidden] each; or all three
   *     stacked in one
   * @param headNorms where the family has some
   * @param out [hidden, heads · head size]
   */
  public record Attention(
      String norm, List<String> projections, Optional<HeadNorms> headNorms, String out) {
    /** Copies the list. */
    public Attention {
      projections = List.copyOf(projections);
    }

    /** The biases of the projections. */
    public List<String> projectionBiases() {
      return projections.stream().map(name -> name.replaceFirst("weight$", "bias")).toList();
    }

    Attention under(String prefix) {
      return new Attention(
          prefix + norm,
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
   * @param norm [hidden], before the matrices
   * @param dense of a layer without experts
   * @param experts where the family has some
   */
  public record FeedForward(String norm, Matrices dense, Optional<Experts> experts) {
    FeedForward under(String prefix) {
      return new FeedForward(
          prefix + norm, dense.under(prefix), experts.map(each -> each.under(prefix)));
    }
  }

  /**
   * The names of a SwiGLU's three matrices.
   *
   * @param gate what SiLU is applied to, [width, hidden]
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
   * the prefix alone.
   *
   * @param router [experts, hidden]
   * @param routerBias [experts], where the family's routers have one
   * @param prefix of the experts
   * @param matrices of one expert, behind the prefix and its number
   * @param shared the expert that every token uses, where the family has one
   */
  public record Experts(
      String router,
      Optional<String> routerBias,
      String prefix,
      Matrices matrices,
      Optional<Matrices> shared) {

    /**
     * The matrices of a layer's experts, stacked if that is what the checkpoint has.
     *
     * @param count experts of the layer
     * @param present all names of the checkpoint
     */
    public ExpertMatrices matrices(int count, Set<String> present) {
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
          outer + prefix,
          matrices,
          shared.map(each -> each.under(outer)));
    }
  }

  /** The names of the matrices of all experts of a layer. */
  public sealed interface ExpertMatrices {
    /** Three tensors an expert. */
    record Single(List<Matrices> experts) implements ExpertMatrices {}

    /** Three tensors a layer, [experts, rows, columns]. */
    record Stacked(Matrices all) implements ExpertMatrices {}
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
