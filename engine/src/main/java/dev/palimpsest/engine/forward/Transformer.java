package dev.palimpsest.engine.forward;

import dev.palimpsest.engine.Denoiser;
import dev.palimpsest.engine.Prediction;
import dev.palimpsest.engine.Query;
import dev.palimpsest.engine.backend.Activation;
import dev.palimpsest.engine.backend.Backend;
import dev.palimpsest.engine.backend.Precision;
import dev.palimpsest.engine.backend.RowDraw;
import dev.palimpsest.engine.backend.StepArena;
import dev.palimpsest.engine.checkpoint.Checkpoint;
import dev.palimpsest.engine.model.ModelSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.function.DoubleConsumer;

/**
 * The forward pass of a {@link ModelSpec} over a ragged batch.
 *
 * <p>Keys and values are computed for every token; in the last block everything else is computed
 * for the asked rows alone, which changes no result. Classifier-free guidance combines the two
 * halves' final hidden rows instead of their logits: the head is linear, so this is the same up to
 * rounding.
 *
 * <p>Owns its backend. An instance serves one thread at a time.
 */
public final class Transformer implements Denoiser, AutoCloseable {
  private final ModelSpec spec;
  private final Backend backend;
  private final Weights weights;
  private final StepArena arena;

  private Transformer(ModelSpec spec, Backend backend, Weights weights) {
    this.spec = spec;
    this.backend = backend;
    this.weights = weights;
    arena = new StepArena(backend::paddedRows);
  }

  /**
   * Copies the weights to the backend; the checkpoint may be closed afterwards.
   *
   * @param backend is closed with the transformer, and if loading fails
   * @param progress is told the share that is loaded, from 0 to 1
   */
  public static Transformer load(
      Checkpoint checkpoint, ModelSpec spec, Backend backend, DoubleConsumer progress) {
    boolean loaded = false;
    try {
      Weights weights = Weights.load(checkpoint, spec, backend, progress);
      loaded = true;
      return new Transformer(spec, backend, weights);
    } finally {
      if (!loaded) {
        backend.close();
      }
    }
  }

  /** What the model runs on, for people. */
  public String describeBackend() {
    return backend.describe();
  }

  /** How its weights are held. */
  public Precision precision() {
    return backend.precision();
  }

  /** Whether a query's predictions do not depend on its batch. */
  public boolean isBatchInvariant() {
    return backend.isBatchInvariant();
  }

  @Override
  public List<List<Prediction>> predict(List<Query> queries) {
    RaggedBatch batch = RaggedBatch.of(queries, spec);
    List<Prediction> all = List.of();
    if (batch.askedRows().length > 0) {
      arena.rewind();
      Activation hidden = hidden(batch);
      List<RowDraw> draws = new ArrayList<>();
      for (Query query : queries) {
        for (int row : query.rows()) {
          draws.add(new RowDraw(query.draw(), query.firstPosition() + row));
        }
      }
      all = backend.vocabulary(hidden.firstRows(draws.size()), weights.head(), draws);
    }
    List<List<Prediction>> result = new ArrayList<>(queries.size());
    int next = 0;
    for (Query query : queries) {
      result.add(all.subList(next, next + query.rows().length));
      next += query.rows().length;
    }
    return result;
  }

  /**
   * The logits of the asked rows, for checking a model against recorded ones; a sampler never needs
   * them.
   *
   * @return [asked rows, vocabulary]
   */
  public float[] logits(Query query) {
    RaggedBatch batch = RaggedBatch.of(List.of(query), spec);
    arena.rewind();
    Activation logits = arena.allocate(query.rows().length, spec.vocabulary());
    Activation hidden = hidden(batch);
    backend.linear(hidden, weights.head(), 0, logits);
    return backend.read(logits);
  }

  /** The normalized final rows, guided where asked: [asked rows, hidden]. */
  private Activation hidden(RaggedBatch batch) {
    int rows = batch.askedRows().length;
    int queryWidth = spec.heads() * spec.headSize();
    int keyWidth = spec.keyValueHeads() * spec.headSize();
    StepMemory memory = StepMemory.allocate(arena, spec, batch.tokens().length, rows);
    backend.begin(arena.used());

    Activation x = memory.x();
    Activation normed = memory.normed();
    Activation qkv = memory.qkv();
    Activation attended = memory.attended();
    Activation gateUp = memory.gateUp();
    Activation activated = memory.activated();
    Activation askedNormed = memory.askedNormed();
    Activation askedX = memory.askedX();
    Activation q = qkv.columns(0, queryWidth);
    Activation k = qkv.columns(queryWidth, keyWidth);
    Activation qAndK = qkv.columns(0, queryWidth + keyWidth);
    Activation v = qkv.columns(queryWidth + keyWidth, keyWidth);
    int last = spec.layers() - 1;
    backend.embed(batch.tokens(), weights.embedding(), x);
    for (int i = 0; i < last; i++) {
      Weights.Layer layer = weights.layers().get(i);
      backend.rmsNorm(x, layer.attentionNorm(), spec.normEpsilon(), normed);
      backend.linear(normed, layer.attentionQkv(), 0, qkv);
      backend.rotate(qAndK, spec.headSize(), batch.positions(), weights.rotary());
      backend.attention(
          q, k, v, spec.headSize(), batch.starts(), batch.starts(), batch.limits(), attended);
      backend.addLinear(attended, layer.attentionOut(), x);
      feedForward(layer, x, normed, gateUp, activated);
    }

    Weights.Layer layer = weights.layers().get(last);
    Activation askedQ = q.firstRows(rows);
    backend.rmsNorm(x, layer.attentionNorm(), spec.normEpsilon(), normed);
    backend.gather(normed, batch.askedRows(), askedNormed);
    backend.gather(x, batch.askedRows(), askedX);
    backend.linear(normed, layer.attentionQkv(), queryWidth, qkv.columns(queryWidth, 2 * keyWidth));
    backend.linear(askedNormed, layer.attentionQkv(), 0, askedQ);
    backend.rotate(askedQ, spec.headSize(), batch.askedPositions(), weights.rotary());
    backend.rotate(k, spec.headSize(), batch.positions(), weights.rotary());
    Activation askedAttended = attended.firstRows(rows);
    backend.attention(
        askedQ,
        k,
        v,
        spec.headSize(),
        batch.askedStarts(),
        batch.starts(),
        batch.askedLimits(),
        askedAttended);
    backend.addLinear(askedAttended, layer.attentionOut(), askedX);
    feedForward(layer, askedX, askedNormed, gateUp.firstRows(rows), activated.firstRows(rows));
    backend.rmsNorm(askedX, weights.finalNorm(), spec.normEpsilon(), askedNormed);
    for (RaggedBatch.Guided guided : batch.guided()) {
      backend.guide(askedNormed, guided.row(), guided.unconditionalRow(), guided.scale());
    }
    return askedNormed;
  }

  private void feedForward(
      Weights.Layer layer,
      Activation x,
      Activation normed,
      Activation gateUp,
      Activation activated) {
    backend.rmsNorm(x, layer.feedForwardNorm(), spec.normEpsilon(), normed);
    backend.linear(normed, layer.gateUp(), 0, gateUp);
    backend.swiGlu(gateUp, activated);
    backend.addLinear(activated, layer.down(), x);
  }

  /** Bytes of f32 activations that a step over {@code tokens} tokens takes, all asked for. */
  public static long stepBytes(ModelSpec spec, int tokens) {
    StepArena arena = new StepArena(rows -> rows);
    StepMemory _ = StepMemory.allocate(arena, spec, tokens, tokens);
    return arena.used() * Float.BYTES;
  }

  @Override
  public void close() {
    backend.close();
  }
}
