package dev.palimpsest.engine.model;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** The shapes of a checkpoint's tensors: what a model has, under the names of its family. */
final class TensorShapes {
  private final ModelSpec spec;
  private final Set<String> present;
  private final Map<String, List<Long>> shapes = new LinkedHashMap<>();

  private TensorShapes(ModelSpec spec, Set<String> present) {
    this.spec = spec;
    this.present = present;
  }

  /**
   * The shapes by name, as {@link TensorNames#shapes} has them.
   *
   * @throws IllegalStateException if the model has what the family names no tensors for
   */
  static Map<String, List<Long>> of(TensorNames names, ModelSpec spec, Set<String> present) {
    TensorShapes all = new TensorShapes(spec, present);
    all.put(names.embedding(), spec.vocabulary(), spec.hidden());
    for (int number = 0; number < spec.layers(); number++) {
      TensorNames.Layer layer = names.layer(number);
      all.putAttention(layer.attention(), spec.attention(number));
      all.putFeedForward(layer.feedForward(), number);
      if (spec.stream().layerScalars()) {
        all.put(all.named(layer.scalar(), "a scalar of its layers"), 1);
      }
      if (spec.canvas().isPresent()) {
        all.putPreceding(all.named(names.canvas(), "a canvas"), number);
      }
    }
    spec.canvas().ifPresent(canvas -> all.putCanvas(all.named(names.canvas(), "a canvas"), canvas));
    all.put(names.finalNorm(), spec.hidden());
    if (!spec.tiedHead()) {
      all.put(names.head(), spec.vocabulary(), spec.hidden());
    }
    return all.shapes;
  }

  private void putPreceding(TensorNames.Canvas names, int layer) {
    if (spec.stream().layerScalars()) {
      put(names.precedingScalar().formatted(layer), 1);
    }
  }

  private void putCanvas(TensorNames.Canvas names, Canvas canvas) {
    put(names.conditioningNorm(), spec.hidden());
    putMatrices(names.conditioning(), List.of(), canvas.selfConditioningWidth());
  }

  private void putNormAfter(Optional<String> name) {
    if (spec.stream().norms().areAfter()) {
      put(named(name, "norms after its blocks' parts"), spec.hidden());
    }
  }

  private void putAttention(TensorNames.Attention names, Attention attention) {
    long size = attention.headSize();
    long queries = attention.heads() * size;
    long keys = attention.keyValueHeads() * size;
    put(names.norm(), spec.hidden());
    putNormAfter(names.normAfter());
    List<String> projections = names.projections(attention.values());
    List<Long> heights =
        projections.size() == 1 ? List.of(queries + 2 * keys) : List.of(queries, keys, keys);
    for (int i = 0; i < heights.size(); i++) {
      put(projections.get(i), heights.get(i), spec.hidden());
    }
    for (int i = 0; attention.projectionBias() && i < heights.size(); i++) {
      put(names.projectionBiases(attention.values()).get(i), heights.get(i));
    }
    if (attention.headNorm()) {
      TensorNames.HeadNorms norms = named(names.headNorms(), "norms of its heads");
      put(norms.query(), size);
      put(norms.key(), size);
    }
    put(names.out(), spec.hidden(), queries);
  }

  private void putFeedForward(TensorNames.FeedForward names, int layer) {
    put(names.norm(), spec.hidden());
    putNormAfter(names.normAfter());
    Optional<Experts> experts = spec.feedForward().experts(layer);
    if (experts.isPresent() && spec.stream().norms().areAfter()) {
      TensorNames.BranchNorms branches = named(names.branches(), "norms of its experts");
      put(branches.afterShared(), spec.hidden());
      put(branches.beforeExperts(), spec.hidden());
      put(branches.afterExperts(), spec.hidden());
    }
    if (experts.isPresent()) {
      putExperts(named(names.experts(), "experts"), experts.get());
    } else {
      putMatrices(names.dense(), List.of(), spec.feedForward().width());
    }
  }

  private void putExperts(TensorNames.Experts names, Experts experts) {
    put(names.router(), experts.count(), spec.hidden());
    if (experts.router().hasBias()) {
      put(named(names.routerBias(), "a bias of its routers"), experts.count());
    }
    if (experts.router() instanceof Router.ScaledSoftmax) {
      TensorNames.RouterScales scales = named(names.scales(), "scales of its routers");
      put(scales.input(), spec.hidden());
      put(scales.perExpert(), experts.count());
    }
    switch (names.matrices(experts.count(), present)) {
      case TensorNames.ExpertMatrices.Single(List<TensorNames.Matrices> single) ->
          single.forEach(each -> putMatrices(each, List.of(), experts.width()));
      case TensorNames.ExpertMatrices.Stacked(TensorNames.Matrices all) ->
          putMatrices(all, List.of((long) experts.count()), experts.width());
      case TensorNames.ExpertMatrices.Fused(String gateUp, String down) -> {
        long count = experts.count();
        shapes.put(gateUp, List.of(count, 2L * experts.width(), (long) spec.hidden()));
        shapes.put(down, List.of(count, (long) spec.hidden(), (long) experts.width()));
      }
    }
    if (experts.sharedWidth() > 0) {
      putMatrices(named(names.shared(), "a shared expert"), List.of(), experts.sharedWidth());
    }
  }

  private void putMatrices(TensorNames.Matrices names, List<Long> outer, long width) {
    long hidden = spec.hidden();
    shapes.put(names.gate(), joined(outer, List.of(width, hidden)));
    shapes.put(names.up(), joined(outer, List.of(width, hidden)));
    shapes.put(names.down(), joined(outer, List.of(hidden, width)));
  }

  private static List<Long> joined(List<Long> first, List<Long> rest) {
    List<Long> all = new ArrayList<>(first);
    all.addAll(rest);
    return List.copyOf(all);
  }

  private void put(String name, long size) {
    shapes.put(name, List.of(size));
  }

  private void put(String name, long rows, long columns) {
    shapes.put(name, List.of(rows, columns));
  }

  private <T> T named(Optional<T> names, String what) {
    return names.orElseThrow(
        () ->
            new IllegalStateException(
                "a %s model has %s, for which its family names no tensors"
                    .formatted(spec.family(), what)));
  }
}
