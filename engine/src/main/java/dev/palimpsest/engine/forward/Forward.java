package dev.palimpsest.engine.forward;

import dev.palimpsest.engine.backend.Activation;
import dev.palimpsest.engine.backend.Backend;
import dev.palimpsest.engine.backend.StepArena;
import dev.palimpsest.engine.model.Attention;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.engine.probe.Point;
import java.util.List;
import java.util.Optional;

/**
 * The network: embeddings, block after block, the last norm. In the last block everything but keys
 * and values is computed for the asked rows alone.
 */
final class Forward {
  private final ModelSpec spec;
  private final Backend backend;
  private final Weights weights;
  private final EmbeddingPart embedding;
  private final AttentionPart attention;
  private final FeedForwardPart feedForward;

  Forward(ModelSpec spec, Backend backend, Weights weights) {
    this.spec = spec;
    this.backend = backend;
    this.weights = weights;
    embedding = new EmbeddingPart(spec, backend, weights);
    attention = new AttentionPart(spec, backend, weights);
    feedForward = new FeedForwardPart(spec, backend, weights);
  }

  /**
   * The normalized final rows that predictions are made of, guided where asked.
   *
   * @param told of each query, what its canvas is told; nothing for none at all
   * @param signals where soft signals are, if any was opened
   */
  Activation hidden(
      RaggedBatch batch,
      List<Conditioning> told,
      Optional<SoftSignals> signals,
      Optional<KvCache> kvCache,
      StepArena arena,
      Hooks hooks) {
    int rows = batch.askedRows().length;
    int tokens = batch.tokens().length;
    StepMemory memory = StepMemory.allocate(arena, spec, Math.max(rows, tokens), rows);
    memory = memory.firstRows(tokens);
    int keys = batch.keyStarts()[batch.keyStarts().length - 1];
    Optional<Activation> all =
        batch.isComputedWhole()
            ? Optional.empty()
            : Optional.of(arena.allocate(keys, 2 * spec.keyWidth()));
    Activation drawn =
        batch.isAllDrawn()
            ? memory.askedNormed()
            : arena.allocate(Math.max(1, batch.drawn().length), spec.hidden());
    backend.begin(arena.used());

    int last = spec.layers() - 1;
    Activation x = memory.x();
    Activation normed = memory.normed();
    embedding.run(batch, told, signals, memory);
    hooks.at(Point.EMBED, 0, x);
    for (int i = 0; i < last; i++) {
      Weights.Layer layer = weights.layers().get(i);
      AttentionPart.Projected projected = projected(memory, i);
      hooks.at(Point.RESID_PRE, i, x);
      backend.rmsNorm(x, layer.attentionNorm(), spec.normEpsilon(), normed);
      attention.project(i, normed, projected, batch.positions(), hooks);
      attention.attend(
          i, projected, all, batch, batch.queries(), batch.limits(), kvCache, memory, x, hooks);
      feedForward.run(i, x, batch.kinds(), memory, hooks);
    }

    Weights.Layer layer = weights.layers().get(last);
    StepMemory asked = memory.firstRows(rows);
    AttentionPart.Projected projected =
        projected(memory, last).withQueriesOf(projected(asked, last));
    Activation askedX = memory.askedX();
    Activation askedNormed = memory.askedNormed();
    hooks.at(Point.RESID_PRE, last, x);
    backend.rmsNorm(x, layer.attentionNorm(), spec.normEpsilon(), normed);
    backend.gather(normed, batch.askedRows(), askedNormed);
    backend.gather(x, batch.askedRows(), askedX);
    attention.projectApart(
        last, normed, askedNormed, projected, batch.positions(), batch.askedPositions(), hooks);
    attention.attend(
        last,
        projected,
        all,
        batch,
        batch.asked(),
        batch.askedLimits(),
        kvCache,
        asked,
        askedX,
        hooks);
    feedForward.run(last, askedX, batch.askedKinds(), asked, hooks);
    backend.rmsNorm(askedX, weights.finalNorm(), spec.normEpsilon(), askedNormed);
    if (!batch.isAllDrawn()) {
      backend.gather(askedNormed, batch.drawn(), drawn);
    }
    for (RaggedBatch.Guided guided : batch.guided()) {
      backend.guide(drawn, guided.row(), guided.unconditionalRow(), guided.scale());
    }
    return drawn;
  }

  private AttentionPart.Projected projected(StepMemory memory, int layer) {
    Attention own = spec.attention(layer);
    return AttentionPart.Projected.of(memory.qkv(), own.queryWidth(), own.keyWidth());
  }
}
