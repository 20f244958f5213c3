package dev.palimpsest.engine.forward;

import dev.palimpsest.engine.backend.Activation;
import dev.palimpsest.engine.backend.Backend;
import dev.palimpsest.engine.backend.KvLayer;
import dev.palimpsest.engine.backend.Weight;
import dev.palimpsest.engine.model.Attention;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.engine.probe.Point;
import java.util.Optional;

/** The part of a block in which tokens look at each other. */
final class AttentionPart {
  private final ModelSpec spec;
  private final Backend backend;
  private final Weights weights;

  AttentionPart(ModelSpec spec, Backend backend, Weights weights) {
    this.spec = spec;
    this.backend = backend;
    this.weights = weights;
  }

  /**
   * Queries, keys and values.
   *
   * @param both keys and values side by side
   */
  record Projected(Activation queries, Activation keys, Activation values, Activation both) {
    /** All three side by side. */
    static Projected of(Activation all, int queryWidth, int keyWidth) {
      return new Projected(
          all.columns(0, queryWidth),
          all.columns(queryWidth, keyWidth),
          all.columns(queryWidth + keyWidth, keyWidth),
          all.columns(queryWidth, 2 * keyWidth));
    }

    Projected withQueriesOf(Projected other) {
      return new Projected(other.queries, keys, values, both);
    }
  }

  /** Projects, and rotates queries and keys. */
  void project(int block, Activation normed, Projected to, int[] positions, Hooks hooks) {
    Weights.Layer layer = weights.layers().get(block);
    int queryWidth = to.queries().columns();
    Activation turned = joined(to.queries(), queryWidth + to.keys().columns());
    Activation all = joined(to.queries(), queryWidth + to.both().columns());
    project(layer, normed, 0, all);
    normValues(block, to.values());
    seeProjected(block, to, hooks);
    turn(block, turned, queryWidth, positions);
    seeTurned(block, to, hooks);
  }

  /** The same of keys and values of all rows, and of the asked rows' queries. */
  void projectApart(
      int block,
      Activation normed,
      Activation askedNormed,
      Projected to,
      int[] positions,
      int[] askedPositions,
      Hooks hooks) {
    Weights.Layer layer = weights.layers().get(block);
    int queryWidth = to.queries().columns();
    project(layer, normed, queryWidth, to.both());
    project(layer, askedNormed, 0, to.queries());
    normValues(block, to.values());
    seeProjected(block, to, hooks);
    turn(block, to.keys(), 0, positions);
    turn(block, to.queries(), queryWidth, askedPositions);
    seeTurned(block, to, hooks);
  }

  private static void seeProjected(int block, Projected of, Hooks hooks) {
    hooks.at(Point.Q, block, of.queries());
    hooks.at(Point.K, block, of.keys());
    hooks.at(Point.V, block, of.values());
  }

  private static void seeTurned(int block, Projected of, Hooks hooks) {
    hooks.at(Point.ROT_Q, block, of.queries());
    hooks.at(Point.ROT_K, block, of.keys());
  }

  private static Activation joined(Activation first, int columns) {
    return new Activation(first.offset(), first.rows(), columns, first.stride());
  }

  /** Some of the stacked projections, from column {@code first} on, with their biases. */
  private void project(Weights.Layer layer, Activation normed, int first, Activation out) {
    layer
        .attentionBias()
        .ifPresentOrElse(
            bias -> backend.linear(normed, layer.attentionQkv(), bias, first, out),
            () -> backend.linear(normed, layer.attentionQkv(), first, out));
  }

  private void normValues(int block, Activation values) {
    int headSize = spec.attention(block).headSize();
    weights
        .layers()
        .get(block)
        .valueNorm()
        .ifPresent(ones -> backend.normHeads(values, headSize, ones, spec.normEpsilon()));
  }

  /** Normalizes the heads of queries and keys, if the model does, and rotates them. */
  private void turn(int block, Activation x, int queryColumns, int[] positions) {
    int headSize = spec.attention(block).headSize();
    Weights.Turns rotary = weights.rotary().get(block);
    if (!rotary.areOne() && queryColumns > 0 && queryColumns < x.columns()) {
      turn(block, x.columns(0, queryColumns), queryColumns, positions);
      turn(block, x.columns(queryColumns, x.columns() - queryColumns), 0, positions);
      return;
    }
    Weight table = queryColumns > 0 ? rotary.queries() : rotary.keys();
    weights
        .layers()
        .get(block)
        .headNorms()
        .ifPresentOrElse(
            norms ->
                backend.normAndRotate(
                    x,
                    queryColumns,
                    headSize,
                    norms.query(),
                    norms.key(),
                    spec.normEpsilon(),
                    positions,
                    table),
            () -> backend.rotate(x, headSize, positions, table));
  }

  /**
   * Writes the KV cache, attends to computed keys and cached ones, and adds to the residual stream.
   *
   * @param all room for all keys and values, if not all are computed
   * @param rows the queries
   * @param limits how many keys each of them sees
   */
  void attend(
      int block,
      Projected projected,
      Optional<Activation> all,
      RaggedBatch batch,
      RaggedBatch.Rows rows,
      int[] limits,
      Optional<KvCache> kvCache,
      StepMemory memory,
      Activation x,
      Hooks hooks) {
    Attention own = spec.attention(block);
    Activation attended = memory.attended().columns(0, own.queryWidth());
    Optional<KvLayer> cached = kvCache.map(each -> each.layers().get(block));
    cached.ifPresent(
        to ->
            backend.cache(projected.both(), batch.newlyCachedRows(), to, batch.newlyCachedSlots()));
    for (RaggedBatch.Part part : rows.parts(spec, own.window())) {
      if (all.isEmpty()) {
        backend.attention(
            projected.queries(),
            projected.keys(),
            projected.values(),
            own.headSize(),
            part.rows(),
            batch.keyStarts(),
            limits,
            part.window(),
            attended);
      } else {
        backend.attention(
            projected.queries(),
            projected.both(),
            cached.orElseThrow(),
            batch.cached(),
            all.get().columns(0, projected.both().columns()),
            own.headSize(),
            part.rows(),
            limits,
            part.window(),
            attended);
      }
    }
    addTo(x, block, attended, memory, hooks);
  }

  private void addTo(Activation x, int block, Activation attended, StepMemory memory, Hooks hooks) {
    Weights.Layer layer = weights.layers().get(block);
    Weight out = layer.attentionOut();
    hooks.at(Point.Z, block, attended);
    hooks.product(Point.ATTN_OUT, block, attended, out);
    layer
        .attentionAfter()
        .ifPresentOrElse(
            gain -> {
              backend.linear(attended, out, 0, memory.first());
              backend.addRmsNorm(memory.first(), gain, spec.normEpsilon(), x);
            },
            () -> backend.addLinear(attended, out, x));
    hooks.at(Point.RESID_MID, block, x);
  }
}
