package dev.palimpsest.engine.model;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * What a family's checkpoints call the weights that the forward needs.
 *
 * <p>Names of a layer's tensors follow its prefix, {@code layer}, in which {@code %d} is its
 * number. A bias is named as its weight, with {@code bias} for {@code weight}. An expert's three
 * matrices have the names of the dense ones, under {@code experts} and the expert's number; or the
 * experts of a layer are stacked in three tensors [experts, rows, columns] without number.
 *
 * @param embedding [vocabulary, hidden]
 * @param finalNorm [hidden]
 * @param head [vocabulary, hidden]
 * @param layer prefix of a layer
 * @param attentionNorm [hidden]
 * @param projections queries, keys and values, [heads · head size, hidden] each; or all three
 *     stacked in one
 * @param queryNorm [head size]
 * @param keyNorm [head size]
 * @param attentionOut [hidden, heads · head size]
 * @param feedForwardNorm [hidden]
 * @param dense prefix of the feed-forward's matrices
 * @param gate what SiLU is applied to, [width, hidden]
 * @param up what the gate multiplies, [width, hidden]
 * @param down [hidden, width]
 * @param router [experts, hidden]
 * @param routerBias [experts]
 * @param experts prefix of the experts
 * @param shared prefix of the expert that every token uses
 */
public record TensorNames(
    String embedding,
    String finalNorm,
    String head,
    String layer,
    String attentionNorm,
    List<String> projections,
    String queryNorm,
    String keyNorm,
    String attentionOut,
    String feedForwardNorm,
    String dense,
    String gate,
    String up,
    String down,
    String router,
    String routerBias,
    String experts,
    String shared) {

  /** Where one feed-forward's matrices are. */
  public record FeedForward(String gate, String up, String down) {}

  /** Where the matrices of all experts of a layer are. */
  public sealed interface ExpertTensors {
    /** Three tensors an expert. */
    record Single(List<FeedForward> experts) implements ExpertTensors {}

    /** Three tensors a layer, [experts, rows, columns]. */
    record Stacked(FeedForward all) implements ExpertTensors {}
  }

  /** The name of a layer's tensor. */
  public String of(int number, String name) {
    return layer.formatted(number) + name;
  }

  /** The layer's projections: three names, or the one of all. */
  public List<String> projections(int number) {
    return projections.stream().map(name -> of(number, name)).toList();
  }

  /** The biases of {@link #projections(int)}. */
  public List<String> projectionBiases(int number) {
    return projections(number).stream().map(name -> name.replaceFirst("weight$", "bias")).toList();
  }

  /** The layer's dense feed-forward. */
  public FeedForward dense(int number) {
    return feedForward(of(number, dense));
  }

  /** The layer's expert that every token uses. */
  public FeedForward shared(int number) {
    return feedForward(of(number, shared));
  }

  private FeedForward feedForward(String prefix) {
    return new FeedForward(prefix + gate, prefix + up, prefix + down);
  }

  /**
   * The layer's experts, stacked if that is what the checkpoint has.
   *
   * @param present all names of the checkpoint
   */
  public ExpertTensors experts(ModelSpec spec, int number, Set<String> present) {
    FeedForward stacked = feedForward(of(number, experts));
    if (present.contains(stacked.gate())) {
      return new ExpertTensors.Stacked(stacked);
    }
    FeedForward bare =
        new FeedForward(bare(stacked.gate()), bare(stacked.up()), bare(stacked.down()));
    if (present.contains(bare.gate())) {
      return new ExpertTensors.Stacked(bare);
    }
    return new ExpertTensors.Single(
        IntStream.range(0, spec.experts().orElseThrow().count())
            .mapToObj(expert -> feedForward(of(number, experts) + expert + "."))
            .toList());
  }

  private static String bare(String name) {
    return name.replaceFirst("\\.weight$", "");
  }

  /**
   * The shapes of all tensors of a checkpoint, by name; a tied head has none of its own.
   *
   * @param present all names of the checkpoint, by which stacked experts are recognized
   */
  public Map<String, List<Long>> shapes(ModelSpec spec, Set<String> present) {
    long hidden = spec.hidden();
    long queries = (long) spec.heads() * spec.headSize();
    long keys = (long) spec.keyValueHeads() * spec.headSize();
    Map<String, List<Long>> shapes = new LinkedHashMap<>();
    shapes.put(embedding, List.of((long) spec.vocabulary(), hidden));
    for (int number = 0; number < spec.layers(); number++) {
      shapes.put(of(number, attentionNorm), List.of(hidden));
      List<Long> heights =
          projections.size() == 1 ? List.of(queries + 2 * keys) : List.of(queries, keys, keys);
      put(shapes, projections(number), heights, List.of(hidden));
      if (spec.projectionBias()) {
        put(shapes, projectionBiases(number), heights, List.of());
      }
      if (spec.headNorm()) {
        shapes.put(of(number, queryNorm), List.of((long) spec.headSize()));
        shapes.put(of(number, keyNorm), List.of((long) spec.headSize()));
      }
      shapes.put(of(number, attentionOut), List.of(hidden, queries));
      shapes.put(of(number, feedForwardNorm), List.of(hidden));
      if (spec.isDense(number)) {
        put(shapes, dense(number), List.of(), spec.feedForward(), hidden);
      } else {
        putExperts(shapes, spec, number, present);
      }
    }
    shapes.put(finalNorm, List.of(hidden));
    if (!spec.tiedHead()) {
      shapes.put(head, List.of((long) spec.vocabulary(), hidden));
    }
    return shapes;
  }

  /**
   * Tensors that a checkpoint may have beside those of {@link #shapes}, and the ones that they must
   * equal: the head that is tied to the embedding.
   */
  public Map<String, String> ties(ModelSpec spec) {
    return spec.tiedHead() ? Map.of(head, embedding) : Map.of();
  }

  private void putExperts(
      Map<String, List<Long>> shapes, ModelSpec spec, int number, Set<String> present) {
    Experts mixture = spec.experts().orElseThrow();
    long count = mixture.count();
    shapes.put(of(number, router), List.of(count, (long) spec.hidden()));
    if (mixture.router().hasBias()) {
      shapes.put(of(number, routerBias), List.of(count));
    }
    switch (experts(spec, number, present)) {
      case ExpertTensors.Single(List<FeedForward> single) ->
          single.forEach(each -> put(shapes, each, List.of(), mixture.width(), spec.hidden()));
      case ExpertTensors.Stacked(FeedForward all) ->
          put(shapes, all, List.of(count), mixture.width(), spec.hidden());
    }
    if (mixture.sharedWidth() > 0) {
      put(shapes, shared(number), List.of(), mixture.sharedWidth(), spec.hidden());
    }
  }

  private static void put(
      Map<String, List<Long>> shapes, List<String> names, List<Long> first, List<Long> rest) {
    for (int i = 0; i < names.size(); i++) {
      shapes.put(names.get(i), joined(List.of(first.get(i)), rest));
    }
  }

  private static void put(
      Map<String, List<Long>> shapes,
      FeedForward names,
      List<Long> outer,
      long width,
      long hidden) {
    shapes.put(names.gate(), joined(outer, List.of(width, hidden)));
    shapes.put(names.up(), joined(outer, List.of(width, hidden)));
    shapes.put(names.down(), joined(outer, List.of(hidden, width)));
  }

  private static List<Long> joined(List<Long> first, List<Long> rest) {
    List<Long> all = new ArrayList<>(first);
    all.addAll(rest);
    return List.copyOf(all);
  }
}
