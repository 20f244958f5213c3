package dev.palimpsest.engine.forward;

import dev.palimpsest.engine.backend.Activation;
import dev.palimpsest.engine.backend.Backend;
import dev.palimpsest.engine.backend.RowDraw;
import dev.palimpsest.engine.backend.StepArena;
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
import dev.palimpsest.step.SoftDenoiser;
import dev.palimpsest.step.SoftQuery;
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
public final class Transformer implements SoftDenoiser, AutoCloseable {
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
  private final Forward forward;
  private final StepArena arena;
  private Optional<SoftSignals> signals = Optional.empty();

  private Transformer(ModelSpec spec, Backend backend, Weights weights, Optional<KvCache> kvCache) {
    this.spec = spec;
    this.backend = backend;
    this.weights = weights;
    this.kvCache = kvCache;
    forward = new Forward(spec, backend, weights);
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
    return predict(plain(queries), kvCache, Optional.empty());
  }

  private static List<CanvasQuery> plain(List<Query> queries) {
    return queries.stream().map(CanvasQuery::ofTokens).toList();
  }

  /**
   * As {@link #predict(List)}, but a canvas may be told the embeddings of all ids, weighed by the
   * probabilities of the step before, and leaves its own (DiffusionGemma's self-conditioning).
   *
   * @throws IllegalArgumentException if the model has no canvas, or not all of one is asked for
   */
  @Override
  public List<List<Prediction>> predictSoftly(List<SoftQuery> queries) {
    return denoise(queries.stream().map(CanvasQuery::of).toList());
  }

  /**
   * As {@link #predictSoftly}, where what is told and what is left are two things.
   *
   * @throws IllegalArgumentException if what a canvas is told or writes down is not of its length,
   *     or there is no such canvas
   */
  public List<List<Prediction>> denoise(List<CanvasQuery> queries) {
    return predict(queries, kvCache, Optional.empty());
  }

  /** The same predictions, bit for bit, without the KV cache: of tokens and of what is told. */
  public List<List<Prediction>> renoise(List<CanvasQuery> queries) {
    return predict(queries, Optional.empty(), Optional.empty());
  }

  /**
   * Room for what one step of a canvas tells the next, beside tokens.
   *
   * @throws IllegalStateException if the model has no canvas
   */
  @Override
  public SoftSignal open() {
    int _ = positions();
    if (signals.isEmpty()) {
      signals = Optional.of(new SoftSignals(spec, backend, weights));
    }
    return signals.get().open();
  }

  /**
   * Room for a few ids a position and their probabilities, which takes nothing of the device.
   *
   * @throws IllegalStateException if the model has no canvas
   */
  @Override
  public SoftAlternatives open(int alternatives) {
    return new SoftAlternatives(positions(), alternatives);
  }

  private int positions() {
    return spec.canvas()
        .orElseThrow(
            () ->
                new IllegalStateException(
                    "a %s model has no canvas: nothing but tokens goes from one of its steps to the next"
                        .formatted(spec.family())))
        .length();
  }

  /**
   * Writes a signal as a step whose probabilities are these would, for checking a model against
   * recorded ones. What they take is kept until the model is closed.
   *
   * @param probabilities [canvas, vocabulary]
   */
  public void write(SoftSignal signal, float[] probabilities) {
    signals.orElseThrow().write(signal, probabilities, arena);
  }

  /**
   * The same predictions, bit for bit, from the tokens alone: the KV cache is neither read nor
   * written.
   */
  public List<List<Prediction>> recompute(List<Query> queries) {
    return predict(plain(queries), Optional.empty(), Optional.empty());
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
          : predict(plain(queries), Optional.empty(), Optional.of(watch));
    };
  }

  private List<List<Prediction>> predict(
      List<CanvasQuery> canvases, Optional<KvCache> cache, Optional<Watch> watch) {
    List<Query> queries = canvases.stream().map(CanvasQuery::asked).toList();
    List<Conditioning> told = canvases.stream().map(CanvasQuery::told).toList();
    canvases.forEach(each -> each.check(spec));
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
        boolean writes = canvases.stream().anyMatch(CanvasQuery::writesSignal);
        Optional<SoftSignals.Room> room =
            writes ? signals.map(each -> each.allocate(arena)) : Optional.empty();
        Activation hidden =
            forward.hidden(batch, told, signals, cache, arena, hooks).firstRows(draws.size());
        room.ifPresent(each -> writeSignals(canvases, hidden, each));
        if (!draws.isEmpty()) {
          all = backend.vocabulary(hidden, weights.head(), spec.reading().logitCap(), draws);
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
    for (CanvasQuery canvas : canvases) {
      int rows = canvas.query().rows().length;
      result.add(canvas.leave(all.subList(next, next + rows)));
      next += rows;
    }
    for (Reading reading : readings) {
      watch.flatMap(Watch::probe).orElseThrow().listener().read(reading);
    }
    return result;
  }

  private void writeSignals(List<CanvasQuery> canvases, Activation hidden, SoftSignals.Room room) {
    int row = 0;
    for (CanvasQuery each : canvases) {
      int count = each.query().rows().length;
      if (each.written().orElse(null) instanceof CanvasQuery.Written.Signal written) {
        signals.orElseThrow().write(written, hidden.rows(row, count), room);
      }
      row += count;
    }
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
          multiplyHead(hidden.rows(first, count), logits.firstRows(count));
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

  private void multiplyHead(Activation hidden, Activation logits) {
    backend.linear(hidden, weights.head(), 0, logits);
    spec.reading().logitCap().ifPresent(cap -> backend.softCap(logits, cap));
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
    Query alone = query.uncached().unguided();
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
    var _ =
        forward.hidden(
            batch,
            List.of(),
            signals,
            Optional.empty(),
            arena,
            (point, block, x) -> {
              if (point == Point.RESID_POST) {
                backend.gather(
                    x, block == last ? ascending : batch.askedRows(), streams.get(block));
              }
            });
    boolean needsLogits = query.draw().adjustment().isPresent() || query.targets().length > 0;
    List<List<Prediction>> blocks = new ArrayList<>();
    for (Activation stream : streams) {
      backend.rmsNorm(stream, weights.finalNorm(), spec.normEpsilon(), normed);
      List<Prediction> plain =
          backend.vocabulary(normed, weights.head(), spec.reading().logitCap(), draws);
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
    return logits(query, new Conditioning.None());
  }

  /**
   * As {@link #logits(Query)}, of a canvas that is told something of the step before.
   *
   * @return [asked rows, vocabulary]
   */
  public float[] logits(Query query, Conditioning told) {
    RaggedBatch batch = RaggedBatch.of(List.of(query), spec, false, Optional.empty(), List.of());
    arena.rewind();
    Activation logits = arena.allocate(query.rows().length, spec.vocabulary());
    Activation hidden =
        forward.hidden(batch, List.of(told), signals, Optional.empty(), arena, Hooks.NONE);
    multiplyHead(hidden, logits);
    return backend.read(logits);
  }

  /** Bytes of keys and values that so many cached tokens have, in f32; 0 if none can be cached. */
  public static long kvBytes(ModelSpec spec, int tokens) {
    return KvCache.tokenBytes(spec) * tokens;
  }

  /** Bytes of the tables of rotary angles, which are f32. */
  public static long rotaryBytes(ModelSpec spec) {
    return (long) Float.BYTES * spec.maxLength() * spec.rotaryWidth();
  }

  /** Bytes of a soft signal, in f32. */
  public static long signalBytes(ModelSpec spec) {
    return spec.canvas().map(each -> (long) Float.BYTES * each.length() * spec.hidden()).orElse(0L);
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
      Activation _ = arena.allocate(tokens, 2 * spec.keyWidth());
    }
    return new Workload(tokens, arena.used(), cached, SoftSignals.rows(spec));
  }

  @Override
  public void close() {
    backend.close();
  }
}
