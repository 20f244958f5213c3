package dev.palimpsest.engine.forward;

import dev.palimpsest.engine.backend.Activation;
import dev.palimpsest.engine.backend.Backend;
import dev.palimpsest.engine.backend.KvLayer;
import dev.palimpsest.engine.backend.RowDraw;
import dev.palimpsest.engine.backend.StepArena;
import dev.palimpsest.engine.backend.Weight;
import dev.palimpsest.engine.backend.Workload;
import dev.palimpsest.engine.checkpoint.Checkpoint;
import dev.palimpsest.engine.device.DeviceException;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.engine.probe.Patch;
import dev.palimpsest.engine.probe.Point;
import dev.palimpsest.engine.probe.Probe;
import dev.palimpsest.engine.probe.Reading;
import dev.palimpsest.step.Denoiser;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.function.DoubleConsumer;
import java.util.stream.IntStream;

/**
 * The forward pass of a {@link ModelSpec} over a ragged batch.
 *
 * <p>Keys and values are computed for every token; in the last block everything else is computed
 * for the asked rows alone, which changes no result. Classifier-free guidance combines the two
 * halves' final hidden rows instead of their logits: the head is linear, so this is the same up to
 * rounding.
 *
 * <p>Keys and values are cached where the attention pattern makes them a function of tokens that
 * will not change; {@link #recompute} does without the KV cache, and comes to the same bits.
 *
 * <p>Owns its backend. An instance serves one thread at a time.
 */
public final class Transformer implements Denoiser, AutoCloseable {
  /** Memory for the KV cache where the caller does not say. */
  public static final long KV_CACHE_BYTES = 1L << 30;

  private static final int LARGE_STEP = 4096;

  /** Rows whose logits are held at a time, where they are looked at. */
  private static final int LOGIT_ROWS = 64;

  /** Backends round rows up; up to the large step, never beyond a multiple of this. */
  private static final int ROW_STEP = 256;

  private final ModelSpec spec;
  private final Backend backend;
  private final Weights weights;
  private final Optional<KvCache> kvCache;
  private final StepArena arena;

  private Transformer(ModelSpec spec, Backend backend, Weights weights, Optional<KvCache> kvCache) {
    this.spec = spec;
    this.backend = backend;
    this.weights = weights;
    this.kvCache = kvCache;
    arena = new StepArena(backend::paddedRows);
  }

  /**
   * Copies the weights to the backend; the checkpoint may be closed afterwards. The KV cache takes
   * up to {@value #KV_CACHE_BYTES} bytes.
   *
   * @param backend is closed with the transformer, and if loading fails
   * @param progress is told the share that is loaded, from 0 to 1
   */
  @SuppressWarnings("exports") // backends are the engine's own
  public static Transformer load(
      Checkpoint checkpoint, ModelSpec spec, Backend backend, DoubleConsumer progress) {
    return load(checkpoint, spec, backend, KV_CACHE_BYTES, progress);
  }

  /**
   * As {@link #load(Checkpoint, ModelSpec, Backend, DoubleConsumer)}.
   *
   * @param kvCacheBytes memory for the KV cache, counted in f32; 0 caches nothing
   */
  @SuppressWarnings("exports") // backends are the engine's own
  public static Transformer load(
      Checkpoint checkpoint,
      ModelSpec spec,
      Backend backend,
      long kvCacheBytes,
      DoubleConsumer progress) {
    boolean loaded = false;
    try {
      Weights weights = Weights.load(checkpoint, spec, backend, progress);
      Optional<KvCache> kvCache = KvCache.within(kvCacheBytes, spec, backend);
      loaded = true;
      return new Transformer(spec, backend, weights, kvCache);
    } finally {
      if (!loaded) {
        backend.close();
      }
    }
  }

  /** The backend that the model runs on, in words. */
  public String describeBackend() {
    return backend.describe() + kvCache.map(cache -> ", " + cache.describe()).orElse("");
  }

  /** The name of what its bits are computed by, {@link Backend#arithmetic}. */
  public String arithmetic() {
    return backend.arithmetic();
  }

  /** What its products multiply. */
  public Precision precision() {
    return backend.precision();
  }

  /** Whether a query's predictions do not depend on its batch. */
  public boolean isBatchInvariant() {
    return backend.isBatchInvariant();
  }

  /** Bytes of the weights where they are computed with. */
  public long weightBytes() {
    return weights.bytes();
  }

  /** Bytes of the keys and values in the KV cache, counted in f32; room for more is not in it. */
  public long kvCacheBytes() {
    return kvCache.map(KvCache::bytesUsed).orElse(0L);
  }

  /** Tokens that the KV cache has room for; 0 if there is none. */
  public long kvCacheTokens() {
    return kvCache.map(KvCache::tokens).orElse(0L);
  }

  /** Bytes of the activations of the last step, counted in f32. */
  public long lastStepBytes() {
    return arena.used() * Float.BYTES;
  }

  /** Empties the KV cache: what follows is computed anew, to the same bits. */
  public void clearKvCache() {
    kvCache.ifPresent(cache -> cache.prefixes().clear());
  }

  @Override
  public List<List<Prediction>> predict(List<Query> queries) {
    return predict(queries, kvCache, Optional.empty());
  }

  /**
   * The same predictions, bit for bit, from the tokens alone: the KV cache is neither read nor
   * written.
   */
  public List<List<Prediction>> recompute(List<Query> queries) {
    return predict(queries, Optional.empty(), Optional.empty());
  }

  /**
   * The same predictions, bit for bit, with a probe that looks on. Steps of which it wants nothing
   * are computed as ever; of the others the KV cache is neither read nor written.
   *
   * @throws DeviceException if rows depend on their batch here: what is looked at besides would
   *     change the step
   */
  public Denoiser probed(Probe probe) {
    if (!isBatchInvariant()) {
      throw new DeviceException(
          "a probe was asked for on a device with fast products, where looking at more rows would"
              + " change the step: leave --fast-gemm out");
    }
    return inside(Optional.of(probe), List.of());
  }

  /**
   * Other predictions: those of steps whose activations are changed where the patches say. Steps
   * that none of them changes are computed as ever. The unconditional half of a guided query is
   * left alone. What the patches hold is kept until the model is closed.
   *
   * @param probe sees the changed step, if there is one
   * @throws IllegalArgumentException if the values of a patch do not fit its hook
   */
  public Denoiser patched(List<Patch> patches, Optional<Probe> probe) {
    return inside(
        probe, patches.stream().map(patch -> Patcher.Loaded.of(patch, spec, backend)).toList());
  }

  private Denoiser inside(Optional<Probe> probe, List<Patcher.Loaded> patches) {
    return queries -> {
      Watch watch = Watch.of(queries, probe, patches);
      return watch.isIdle()
          ? predict(queries)
          : predict(queries, Optional.empty(), Optional.of(watch));
    };
  }

  private List<List<Prediction>> predict(
      List<Query> queries, Optional<KvCache> cache, Optional<Watch> watch) {
    List<Prediction> all = List.of();
    List<Reading> readings = List.of();
    List<RowDraw> draws = new ArrayList<>();
    for (Query query : queries) {
      for (int i = 0; i < query.rows().length; i++) {
        int position = query.firstPosition() + query.rows()[i];
        draws.add(new RowDraw(query.draw(), position, query.allowed(i)));
      }
    }
    boolean committed = false;
    cache.ifPresent(each -> each.prefixes().begin());
    try {
      RaggedBatch batch =
          RaggedBatch.of(
              queries,
              spec,
              spec.reading().shifted(),
              cache.map(KvCache::prefixes),
              watch.map(Watch::watched).orElse(List.of()));
      if (batch.askedRows().length > 0) {
        arena.rewind();
        Optional<Recorder> recorder =
            watch.flatMap(each -> each.recorder(spec, batch, arena, backend));
        Hooks hooks =
            watch.map(each -> each.hooks(recorder, spec, batch, arena, backend)).orElse(Hooks.NONE);
        boolean needsLogits =
            queries.stream()
                .anyMatch(
                    each ->
                        each.draw().adjustment().isPresent()
                            || (each.targets().length > 0 && each.rows().length > 0));
        Optional<Activation> logits =
            needsLogits
                ? Optional.of(arena.allocate(Math.min(LOGIT_ROWS, draws.size()), spec.vocabulary()))
                : Optional.empty();
        Activation hidden = hidden(batch, cache, hooks).firstRows(draws.size());
        if (!draws.isEmpty()) {
          all = backend.vocabulary(hidden, weights.head(), draws);
        }
        if (logits.isPresent()) {
          all = fromLogits(queries, draws, all, hidden, logits.get());
        }
        readings = recorder.map(each -> each.readings(queries)).orElse(List.of());
      }
      cache.ifPresent(each -> each.prefixes().commit());
      committed = true;
    } finally {
      if (!committed) {
        cache.ifPresent(each -> each.prefixes().abort());
      }
    }
    List<List<Prediction>> result = new ArrayList<>(queries.size());
    int next = 0;
    for (Query query : queries) {
      result.add(all.subList(next, next + query.rows().length));
      next += query.rows().length;
    }
    for (Reading reading : readings) {
      watch.flatMap(Watch::probe).orElseThrow().listener().read(reading);
    }
    return result;
  }

  /**
   * The same predictions, but of adjusted logits where a draw asks for them, and with the scores of
   * targets.
   *
   * @param logits room for some rows' at a time
   */
  private List<Prediction> fromLogits(
      List<Query> queries,
      List<RowDraw> draws,
      List<Prediction> plain,
      Activation hidden,
      Activation logits) {
    List<Prediction> predictions = new ArrayList<>(plain);
    float[] read = {};
    int first = 0;
    int row = 0;
    for (Query query : queries) {
      boolean adjusts = query.draw().adjustment().isPresent();
      boolean scores = query.targets().length > 0;
      for (int i = 0; i < query.rows().length; i++, row++) {
        if (!adjusts && !scores) {
          continue;
        }
        if (read.length == 0 || row >= first + logits.rows()) {
          first = row;
          int count = Math.min(logits.rows(), draws.size() - first);
          backend.linear(hidden.rows(first, count), weights.head(), 0, logits.firstRows(count));
          read = backend.read(logits.firstRows(count));
        }
        int from = (row - first) * spec.vocabulary();
        float[] own = Arrays.copyOfRange(read, from, from + spec.vocabulary());
        Prediction prediction =
            adjusts
                ? new AdjustedRow(own, query.tokens(), draws.get(row)).prediction()
                : plain.get(row);
        predictions.set(
            row, scores ? prediction.scored(logProbability(own, query.targets()[i])) : prediction);
      }
    }
    return predictions;
  }

  /** The logarithm of an id's probability, in double precision. */
  private static double logProbability(float[] logits, int id) {
    double top = Double.NEGATIVE_INFINITY;
    for (float logit : logits) {
      top = Math.max(top, logit);
    }
    double sum = 0;
    for (float logit : logits) {
      sum += StrictMath.exp(logit - top);
    }
    return Math.min(0, logits[id] - top - StrictMath.log(sum));
  }

  /**
   * The logit lens (nostalgebraist, 2020): what the last norm and the head make of the residual
   * stream after every block, at the rows of a query, as its draw and its targets ask. After the
   * last block it is what {@link #predict} says, bit for bit. It is computed from the tokens alone
   * and without guidance.
   *
   * @return of every block, one prediction per row
   */
  public List<List<Prediction>> lens(Query query) {
    Query alone =
        new Query(
            query.tokens(),
            query.firstPosition(),
            query.rows(),
            0,
            query.draw(),
            Optional.empty(),
            query.targets(),
            query.allowed());
    int count = query.rows().length;
    if (count == 0) {
      return Collections.nCopies(spec.layers(), List.of());
    }
    List<RowDraw> draws = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      int position = query.firstPosition() + query.rows()[i];
      draws.add(new RowDraw(query.draw(), position, query.allowed(i)));
    }
    RaggedBatch batch =
        RaggedBatch.of(List.of(alone), spec, spec.reading().shifted(), Optional.empty(), List.of());
    arena.rewind();
    Activation logits = arena.allocate(Math.min(LOGIT_ROWS, count), spec.vocabulary());
    Activation normed = arena.allocate(count, spec.hidden());
    List<Activation> streams = new ArrayList<>();
    for (int block = 0; block < spec.layers(); block++) {
      streams.add(arena.allocate(count, spec.hidden()));
    }
    int last = spec.layers() - 1;
    int[] ascending = IntStream.range(0, count).toArray();
    hidden(
        batch,
        Optional.empty(),
        (point, block, x) -> {
          if (point == Point.RESID_POST) {
            backend.gather(x, block == last ? ascending : batch.askedRows(), streams.get(block));
          }
        });
    boolean needsLogits = query.draw().adjustment().isPresent() || query.targets().length > 0;
    List<List<Prediction>> blocks = new ArrayList<>();
    for (Activation stream : streams) {
      backend.rmsNorm(stream, weights.finalNorm(), spec.normEpsilon(), normed);
      List<Prediction> plain = backend.vocabulary(normed, weights.head(), draws);
      blocks.add(needsLogits ? fromLogits(List.of(alone), draws, plain, normed, logits) : plain);
    }
    return blocks;
  }

  /**
   * The network's own outputs at the asked rows, for checking a model against recorded ones; a
   * sampler never needs them. They are computed from the tokens alone, and not shifted, whatever
   * the model.
   *
   * @return [asked rows, vocabulary]
   */
  public float[] logits(Query query) {
    RaggedBatch batch = RaggedBatch.of(List.of(query), spec, false, Optional.empty(), List.of());
    arena.rewind();
    Activation logits = arena.allocate(query.rows().length, spec.vocabulary());
    Activation hidden = hidden(batch, Optional.empty(), Hooks.NONE);
    backend.linear(hidden, weights.head(), 0, logits);
    return backend.read(logits);
  }

  /** The normalized final rows that predictions are made of, guided where asked. */
  private Activation hidden(RaggedBatch batch, Optional<KvCache> kvCache, Hooks hooks) {
    int rows = batch.askedRows().length;
    int tokens = batch.tokens().length;
    int queryWidth = spec.attention().queryWidth();
    int keyWidth = spec.attention().keyWidth();
    StepMemory memory = StepMemory.allocate(arena, spec, Math.max(rows, tokens), rows);
    memory = memory.firstRows(tokens);
    Activation x = memory.x();
    Activation normed = memory.normed();
    Activation q = memory.qkv().columns(0, queryWidth);
    Activation k = memory.qkv().columns(queryWidth, keyWidth);
    Activation computed = memory.qkv().columns(queryWidth, 2 * keyWidth);
    int keys = batch.keyStarts()[batch.keyStarts().length - 1];
    Activation all = batch.isComputedWhole() ? computed : arena.allocate(keys, 2 * keyWidth);
    Activation drawn =
        batch.isAllDrawn()
            ? memory.askedNormed()
            : arena.allocate(Math.max(1, batch.drawn().length), spec.hidden());
    backend.begin(arena.used());

    int last = spec.layers() - 1;
    Activation v = computed.columns(keyWidth, keyWidth);
    backend.embed(batch.tokens(), weights.embedding(), x);
    hooks.at(Point.EMBED, 0, x);
    for (int i = 0; i < last; i++) {
      Weights.Layer layer = weights.layers().get(i);
      hooks.at(Point.RESID_PRE, i, x);
      backend.rmsNorm(x, layer.attentionNorm(), spec.normEpsilon(), normed);
      project(layer, normed, 0, memory.qkv());
      hooks.at(Point.Q, i, q);
      hooks.at(Point.K, i, k);
      hooks.at(Point.V, i, v);
      turn(layer, memory.qkv().columns(0, queryWidth + keyWidth), queryWidth, batch.positions());
      hooks.at(Point.ROT_Q, i, q);
      hooks.at(Point.ROT_K, i, k);
      attend(
          q, computed, all, batch, kvCache, i, batch.starts(), batch.limits(), memory.attended());
      attentionOut(i, memory.attended(), x, hooks);
      feedForward(i, x, memory, hooks);
    }

    Weights.Layer layer = weights.layers().get(last);
    StepMemory asked = memory.firstRows(rows);
    Activation askedQ = asked.qkv().columns(0, queryWidth);
    Activation askedX = memory.askedX();
    Activation askedNormed = memory.askedNormed();
    hooks.at(Point.RESID_PRE, last, x);
    backend.rmsNorm(x, layer.attentionNorm(), spec.normEpsilon(), normed);
    backend.gather(normed, batch.askedRows(), askedNormed);
    backend.gather(x, batch.askedRows(), askedX);
    project(layer, normed, queryWidth, computed);
    project(layer, askedNormed, 0, askedQ);
    hooks.at(Point.Q, last, askedQ);
    hooks.at(Point.K, last, k);
    hooks.at(Point.V, last, v);
    turn(layer, k, 0, batch.positions());
    turn(layer, askedQ, queryWidth, batch.askedPositions());
    hooks.at(Point.ROT_Q, last, askedQ);
    hooks.at(Point.ROT_K, last, k);
    attend(
        askedQ,
        computed,
        all,
        batch,
        kvCache,
        last,
        batch.askedStarts(),
        batch.askedLimits(),
        asked.attended());
    attentionOut(last, asked.attended(), askedX, hooks);
    feedForward(last, askedX, asked, hooks);
    backend.rmsNorm(askedX, weights.finalNorm(), spec.normEpsilon(), askedNormed);
    if (!batch.isAllDrawn()) {
      backend.gather(askedNormed, batch.drawn(), drawn);
    }
    for (RaggedBatch.Guided guided : batch.guided()) {
      backend.guide(drawn, guided.row(), guided.unconditionalRow(), guided.scale());
    }
    return drawn;
  }

  private void attentionOut(int block, Activation attended, Activation x, Hooks hooks) {
    Weight out = weights.layers().get(block).attentionOut();
    hooks.at(Point.Z, block, attended);
    hooks.product(Point.ATTN_OUT, block, attended, out);
    backend.addLinear(attended, out, x);
    hooks.at(Point.RESID_MID, block, x);
  }

  /** Writes the KV cache, and attends to computed keys and cached ones. */
  private void attend(
      Activation q,
      Activation computed,
      Activation all,
      RaggedBatch batch,
      Optional<KvCache> kvCache,
      int layer,
      int[] queryStarts,
      int[] limits,
      Activation out) {
    Optional<KvLayer> cached = kvCache.map(each -> each.layers().get(layer));
    cached.ifPresent(
        to -> backend.cache(computed, batch.newlyCachedRows(), to, batch.newlyCachedSlots()));
    if (batch.isComputedWhole()) {
      int width = computed.columns() / 2;
      backend.attention(
          q,
          computed.columns(0, width),
          computed.columns(width, width),
          spec.attention().headSize(),
          queryStarts,
          batch.keyStarts(),
          limits,
          spec.attention().window(layer),
          out);
    } else {
      backend.attention(
          q,
          computed,
          cached.orElseThrow(),
          batch.cached(),
          all,
          spec.attention().headSize(),
          queryStarts,
          limits,
          spec.attention().window(layer),
          out);
    }
  }

  /** Some of the stacked projections, from column {@code first} on, with their biases. */
  private void project(Weights.Layer layer, Activation normed, int first, Activation out) {
    layer
        .attentionBias()
        .ifPresentOrElse(
            bias -> backend.linear(normed, layer.attentionQkv(), bias, first, out),
            () -> backend.linear(normed, layer.attentionQkv(), first, out));
  }

  /** Normalizes the heads of queries and keys, if the model does, and rotates them. */
  private void turn(Weights.Layer layer, Activation x, int queryColumns, int[] positions) {
    int headSize = spec.attention().headSize();
    Weight rotary = weights.rotary();
    layer
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
                    rotary),
            () -> backend.rotate(x, headSize, positions, rotary));
  }

  private void feedForward(int block, Activation x, StepMemory memory, Hooks hooks) {
    Weights.Layer layer = weights.layers().get(block);
    Activation normed = memory.normed();
    backend.rmsNorm(x, layer.feedForwardNorm(), spec.normEpsilon(), normed);
    if (layer.dense().isPresent()) {
      Weights.Dense dense = layer.dense().get();
      Activation gateUp = memory.gateUp().columns(0, dense.gateUp().rows());
      Activation activated = memory.activated().columns(0, dense.down().columns());
      backend.linear(normed, dense.gateUp(), 0, gateUp);
      backend.swiGlu(gateUp, activated);
      hooks.product(Point.MLP_OUT, block, activated, dense.down());
      backend.addLinear(activated, dense.down(), x);
    }
    if (layer.sparse().isPresent()) {
      Weights.Sparse sparse = layer.sparse().get();
      backend.addExperts(
          normed,
          sparse.router(),
          spec.feedForward().experts().orElseThrow(),
          sparse.experts(),
          memory.outputs(),
          x);
    }
    hooks.at(Point.RESID_POST, block, x);
  }

  /** Bytes of f32 activations that a step over {@code tokens} tokens takes, all asked for. */
  public static long stepBytes(ModelSpec spec, int tokens) {
    StepArena arena = new StepArena(rows -> rows);
    StepMemory _ = StepMemory.allocate(arena, spec, tokens, tokens);
    return arena.used() * Float.BYTES;
  }

  /**
   * What has to fit beside a model: a step over its longest sequence, or over 4,096 tokens if that
   * is less, and the KV cache of {@link #load}.
   */
  @SuppressWarnings("exports") // backends are the engine's own
  public static Workload workload(ModelSpec spec) {
    int longest = Math.min(LARGE_STEP, spec.maxLength());
    int tokens = Math.ceilDiv(longest, ROW_STEP) * ROW_STEP;
    StepArena arena = new StepArena(rows -> rows);
    StepMemory _ = StepMemory.allocate(arena, spec, tokens, tokens);
    long cached = KvCache.bytes(KV_CACHE_BYTES, spec) / Float.BYTES;
    if (cached > 0) {
      Activation _ = arena.allocate(tokens, 2 * spec.attention().keyWidth());
    }
    return new Workload(tokens, arena.used(), cached);
  }

  @Override
  public void close() {
    backend.close();
  }
}
