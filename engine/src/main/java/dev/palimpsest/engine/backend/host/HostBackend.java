package dev.palimpsest.engine.backend.host;

import static dev.palimpsest.engine.backend.host.Vectors.FLOATS;
import static dev.palimpsest.engine.backend.host.Vectors.LANES;
import static dev.palimpsest.engine.backend.host.Vectors.load;
import static dev.palimpsest.engine.backend.host.Vectors.store;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.palimpsest.bindings.onednn.OneDnn;
import dev.palimpsest.engine.backend.Activation;
import dev.palimpsest.engine.backend.Backend;
import dev.palimpsest.engine.backend.Bf16;
import dev.palimpsest.engine.backend.CachedKeys;
import dev.palimpsest.engine.backend.ExpertWeights;
import dev.palimpsest.engine.backend.KvLayer;
import dev.palimpsest.engine.backend.QueryRows;
import dev.palimpsest.engine.backend.RowDraw;
import dev.palimpsest.engine.backend.Weight;
import dev.palimpsest.engine.checkpoint.DType;
import dev.palimpsest.engine.checkpoint.Tensor;
import dev.palimpsest.engine.device.DeviceException;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.engine.model.Experts;
import dev.palimpsest.step.Prediction;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.LongPredicate;
import jdk.incubator.vector.FloatVector;

/**
 * The operations on the CPU.
 *
 * <p>In {@link Precision#F32} they are those that {@code docs/arithmetic.md} defines to the last
 * bit, whatever the CPU: activations are f32, and weights are held as they are published, in f32 or
 * bf16. In {@link Precision#BF16} products are oneDNN's native ones of bf16, on CPUs that have
 * them: weights are rounded to bf16 and so are the inputs of products; the rest is as defined.
 */
public final class HostBackend implements Backend {
  private static final int ROWS_PER_TASK = 16;
  private static final long ALIGNMENT = 64;
  private static final long SHORT_RUN_NANOS = 1_000_000_000L;

  private final Precision precision;
  private final boolean audit;
  private final Workers workers;
  private final Scratch[] scratch;
  private final Linear linear;
  private final Attention attention;
  private final Mixture mixture;
  private final Vocabulary vocabulary;
  private final Gemm gemm;
  private final Arena weights = Arena.ofShared();
  private final Scratch step = new Scratch();
  private final LongPredicate mapsExperts;
  private long mapped;

  /**
   * A backend with its own threads.
   *
   * @param precision {@link Precision#F32} for the defined arithmetic, {@link Precision#BF16} for
   *     native products of bf16
   * @param threads that work on an operation, the caller's included
   * @throws DeviceException if this CPU cannot
   */
  public HostBackend(Precision precision, int threads) {
    this(precision, threads, false);
  }

  /**
   * A backend as {@link #HostBackend(Precision, int)}.
   *
   * @param audit whether to fill all memory of a step with NaN before it: changes no result, unless
   *     something from another step were read
   */
  public HostBackend(Precision precision, int threads, boolean audit) {
    this(precision, threads, audit, product(), MappedExperts::areNeeded);
  }

  HostBackend(Precision precision, int threads, Gemm gemm) {
    this(precision, threads, false, gemm, MappedExperts::areNeeded);
  }

  /**
   * A backend with its own threads.
   *
   * @param mapsExperts whether experts stay in the file of a checkpoint of so many bytes
   */
  HostBackend(Precision precision, int threads, LongPredicate mapsExperts) {
    this(precision, threads, false, product(), mapsExperts);
  }

  private static Gemm product() {
    return OneDnnGemm.find().<Gemm>map(RehearsedGemm::new).orElseGet(VectorGemm::new);
  }

  private HostBackend(
      Precision precision, int threads, boolean audit, Gemm gemm, LongPredicate mapsExperts) {
    Arithmetic.requireFma();
    if (precision == Precision.BF16 && !multipliesBf16()) {
      throw new DeviceException(
          "bf16 was asked for and cannot be multiplied here: "
              + OneDnn.failure().orElse("this CPU has neither AVX512-BF16 nor AMX")
              + "; f32 holds the weights as published, bf16 among them, and computes in f32");
    }
    this.precision = precision;
    this.audit = audit;
    this.gemm = gemm;
    this.mapsExperts = mapsExperts;
    workers = new Workers(threads);
    scratch = Scratch.each(threads);
    linear = new Linear(workers, gemm);
    attention = new Attention(workers, scratch, gemm);
    mixture = new Mixture(workers, linear);
    vocabulary = new Vocabulary(workers, scratch, linear);
  }

  /** The version of oneDNN and the instruction set it uses, or why it is not used. */
  public static String describeOneDnn() {
    return OneDnn.failure().orElseGet(OneDnn::describe);
  }

  /** The width of this CPU's vectors. */
  public static int vectorBits() {
    return FLOATS.vectorBitSize();
  }

  /** Whether this machine multiplies bf16 natively, and can compute in {@link Precision#BF16}. */
  public static boolean multipliesBf16() {
    return OneDnn.isAvailable() && OneDnn.hasFastBf16();
  }

  /** What computes f32 products here, and why nothing faster does, in one sentence. */
  public static String describeProducts() {
    return describe(product());
  }

  private static String describe(Gemm gemm) {
    return gemm instanceof VectorGemm
        ? gemm.describe()
            + " ("
            + OneDnn.failure().orElse("oneDNN's bits are not the defined ones on this CPU")
            + ")"
        : gemm.describe();
  }

  @Override
  public String describe() {
    return "host, "
        + precision.name().toLowerCase(Locale.ROOT)
        + ", "
        + workers.count()
        + " threads, "
        + (precision == Precision.BF16 ? OneDnn.describe() : describe(gemm))
        + (mapped == 0
            ? ""
            : String.format(
                Locale.ROOT, ", %.1f GB of experts left in the checkpoint's file", mapped / 1e9));
  }

  @Override
  public String arithmetic() {
    return switch (precision) {
      case F32 -> Arithmetic.NAME;
      case BF16 ->
          "host-bf16/" + OneDnn.describe().replace(", instruction set ", "/").replace(' ', '-');
    };
  }

  @Override
  public Precision precision() {
    return precision;
  }

  @Override
  public boolean isBatchInvariant() {
    return true;
  }

  @Override
  public Weight weight(List<Tensor> parts) {
    boolean isVector = parts.getFirst().shape().size() == 1;
    boolean isBf16 =
        precision == Precision.BF16 || parts.stream().allMatch(part -> part.dtype() == DType.BF16);
    return copy(parts, isVector || !isBf16 ? Precision.F32 : Precision.BF16);
  }

  @Override
  public Weight expertWeight(List<Tensor> parts, long all) {
    Optional<HostWeight> found =
        precision == Precision.BF16 && mapsExperts.test(all)
            ? MappedExperts.map(parts, weights)
            : Optional.empty();
    found.ifPresent(weight -> mapped += weight.bytes());
    return found.<Weight>map(weight -> weight).orElseGet(() -> weight(parts));
  }

  @Override
  public Weight exactWeight(List<Tensor> parts) {
    return copy(parts, Precision.F32);
  }

  @Override
  public Weight bias(List<Tensor> parts) {
    return exactWeight(parts);
  }

  private Weight copy(List<Tensor> parts, Precision stored) {
    List<Long> shape = parts.getFirst().shape();
    boolean isVector = shape.size() == 1;
    long elements = parts.stream().mapToLong(Tensor::elements).sum();
    int columns = Math.toIntExact(isVector ? elements : shape.getLast());
    int rows = Math.toIntExact(elements / columns);
    boolean isNative = precision == Precision.BF16 && stored == Precision.BF16;
    int panel = isVector || isNative ? 1 : Linear.PANEL;
    long panels = Math.ceilDiv(rows, panel);
    long bytes = panels * panel * columns * (stored == Precision.BF16 ? Short.BYTES : Float.BYTES);
    HostWeight weight =
        new HostWeight(stored, rows, columns, panel, weights.allocate(bytes, ALIGNMENT));
    Panels.fill(weight, parts);
    return weight;
  }

  @Override
  public Weight table(int rows, int columns, float[] values) {
    MemorySegment data = weights.allocate(4L * rows * columns, ALIGNMENT);
    MemorySegment.copy(values, 0, data, JAVA_FLOAT, 0, values.length);
    return new HostWeight(Precision.F32, rows, columns, 1, data);
  }

  @Override
  public int paddedRows(int rows) {
    return Linear.tiles(rows + Linear.STEP) * Linear.ROW_TILE; // attention reads past the last key
  }

  @Override
  public void begin(long elements) {
    if (gemm instanceof RehearsedGemm rehearsed) {
      rehearsed.rehearseAfter(SHORT_RUN_NANOS);
    }
    step.atLeast(elements * Float.BYTES);
    if (audit) {
      step.poison();
      for (Scratch each : scratch) {
        each.poison();
      }
      linear.poison();
    }
  }

  @Override
  public void embed(int[] tokens, Weight table, Activation out) {
    MemorySegment memory = step.memory();
    HostWeight source = (HostWeight) table;
    byRows(
        tokens.length,
        row -> {
          for (int i = 0; i < source.columns(); i++) {
            memory.set(JAVA_FLOAT, 4 * (out.row(row) + i), element(source, tokens[row], i));
          }
        });
  }

  @Override
  public void embed(int[] ids, float[] shares, Weight table, Activation out) {
    MemorySegment memory = step.memory();
    HostWeight source = (HostWeight) table;
    int each = ids.length / out.rows();
    byRows(
        out.rows(),
        row -> {
          for (int i = 0; i < source.columns(); i++) {
            float sum = 0;
            for (int at = row * each; at < (row + 1) * each; at++) {
              sum = ids[at] < 0 ? sum : Math.fma(shares[at], element(source, ids[at], i), sum);
            }
            memory.set(JAVA_FLOAT, 4 * (out.row(row) + i), sum);
          }
        });
  }

  private static float element(HostWeight source, int row, int column) {
    long at = source.index(row, column);
    return source.precision() == Precision.F32
        ? source.data().getAtIndex(JAVA_FLOAT, at)
        : Bf16.toFloat(source.data().getAtIndex(JAVA_SHORT, at));
  }

  @Override
  public void rmsNorm(Activation x, Weight gain, double epsilon, Activation out) {
    MemorySegment memory = step.memory();
    MemorySegment gains = ((HostWeight) gain).data();
    byRows(
        x.rows(),
        row -> normalize(memory, 4 * x.row(row), gains, epsilon, 4 * out.row(row), x.columns()));
  }

  private static void normalize(
      MemorySegment memory, long from, MemorySegment gains, double epsilon, long to, int count) {
    float scale = (float) (1 / Math.sqrt(sumOfSquares(memory, from, count) / count + epsilon));
    int whole = FLOATS.loopBound(count);
    for (int i = 0; i < whole; i += LANES) {
      store(load(memory, from + 4L * i).mul(scale).mul(load(gains, 4L * i)), memory, to + 4L * i);
    }
    for (int i = whole; i < count; i++) {
      float x = memory.get(JAVA_FLOAT, from + 4L * i);
      memory.set(JAVA_FLOAT, to + 4L * i, x * scale * gains.get(JAVA_FLOAT, 4L * i));
    }
  }

  private static float sumOfSquares(MemorySegment memory, long from, int count) {
    FloatVector s0 = FloatVector.zero(FLOATS);
    FloatVector s1 = s0;
    FloatVector s2 = s0;
    FloatVector s3 = s0;
    for (int i = 0; i < count; i += Arithmetic.LANES) {
      s0 = addSquares(s0, memory, from, i, count);
      if (LANES < 16) {
        s1 = addSquares(s1, memory, from, i + LANES, count);
      }
      if (LANES < 8) {
        s2 = addSquares(s2, memory, from, i + 2 * LANES, count);
        s3 = addSquares(s3, memory, from, i + 3 * LANES, count);
      }
    }
    return Vectors.sum(s0, s1, s2, s3);
  }

  private static FloatVector addSquares(
      FloatVector sums, MemorySegment memory, long from, int i, int count) {
    if (i >= count) {
      return sums;
    }
    FloatVector x = Vectors.loadFirst(memory, from + 4L * i, count - i);
    return x.fma(x, sums);
  }

  @Override
  public void addRmsNorm(Activation x, Weight gain, double epsilon, Activation sum) {
    MemorySegment memory = step.memory();
    MemorySegment gains = ((HostWeight) gain).data();
    byRows(
        x.rows(),
        row ->
            addNormalized(memory, 4 * x.row(row), gains, epsilon, 4 * sum.row(row), x.columns()));
  }

  private static void addNormalized(
      MemorySegment memory, long from, MemorySegment gains, double epsilon, long to, int count) {
    float scale = (float) (1 / Math.sqrt(sumOfSquares(memory, from, count) / count + epsilon));
    for (int i = 0; i < count; i += LANES) {
      int left = count - i;
      FloatVector x = Vectors.loadFirst(memory, from + 4L * i, left);
      FloatVector normed = x.mul(scale).mul(Vectors.loadFirst(gains, 4L * i, left));
      FloatVector sum = Vectors.loadFirst(memory, to + 4L * i, left).add(normed);
      Vectors.storeFirst(sum, memory, to + 4L * i, left);
    }
  }

  @Override
  public void scale(Activation x, Weight factors, int[] which) {
    MemorySegment memory = step.memory();
    MemorySegment all = ((HostWeight) factors).data();
    byRows(
        x.rows(),
        row -> {
          float factor = all.getAtIndex(JAVA_FLOAT, which[row]);
          long at = 4 * x.row(row);
          for (int i = 0; i < x.columns(); i += LANES) {
            int left = x.columns() - i;
            FloatVector scaled = Vectors.loadFirst(memory, at + 4L * i, left).mul(factor);
            Vectors.storeFirst(scaled, memory, at + 4L * i, left);
          }
        });
  }

  @Override
  public void addToRows(Activation x, Weight values) {
    addToRows(x, values, 0);
  }

  /** Adds the values from {@code first} on. */
  private void addToRows(Activation x, Weight bias, int first) {
    MemorySegment memory = step.memory();
    MemorySegment biases = ((HostWeight) bias).data();
    byRows(
        x.rows(),
        row -> {
          long to = 4 * x.row(row);
          int i = 0;
          for (; i + LANES <= x.columns(); i += LANES) {
            store(
                load(memory, to + 4L * i).add(load(biases, 4L * (first + i))), memory, to + 4L * i);
          }
          for (; i < x.columns(); i++) {
            float sum =
                memory.get(JAVA_FLOAT, to + 4L * i) + biases.get(JAVA_FLOAT, 4L * (first + i));
            memory.set(JAVA_FLOAT, to + 4L * i, sum);
          }
        });
  }

  @Override
  public void normHeads(Activation x, int headSize, Weight gain, double epsilon) {
    MemorySegment memory = step.memory();
    MemorySegment gains = ((HostWeight) gain).data();
    byRows(
        x.rows(),
        row -> {
          for (int head = 0; head < x.columns(); head += headSize) {
            long at = 4 * (x.row(row) + head);
            normalize(memory, at, gains, epsilon, at, headSize);
          }
        });
  }

  @Override
  public void linear(Activation x, Weight w, int firstRow, Activation out) {
    linear.multiply(step.memory(), x, (HostWeight) w, firstRow, false, out);
  }

  @Override
  public void linear(Activation x, Weight w, Weight bias, int firstRow, Activation out) {
    linear(x, w, firstRow, out);
    addToRows(out, bias, firstRow);
  }

  @Override
  public void addLinear(Activation x, Weight w, Activation sum) {
    linear.multiply(step.memory(), x, (HostWeight) w, 0, true, sum);
  }

  @Override
  public void rotate(Activation x, int headSize, int[] positions, Weight table) {
    MemorySegment memory = step.memory();
    MemorySegment angles = ((HostWeight) table).data();
    byRows(
        x.rows(),
        row -> {
          long angle = 4L * positions[row] * table.columns();
          for (int head = 0; head < x.columns(); head += headSize) {
            rotateHead(memory, 4 * x.row(row) + 4L * head, angles, angle, table.columns() / 2);
          }
        });
  }

  private static void rotateHead(
      MemorySegment memory, long head, MemorySegment angles, long angle, int half) {
    long right = head + 4L * half;
    long sine = angle + 4L * half;
    int i = 0;
    for (; i + LANES <= half; i += LANES) {
      FloatVector cos = load(angles, angle + 4L * i);
      FloatVector sin = load(angles, sine + 4L * i);
      FloatVector a = load(memory, head + 4L * i);
      FloatVector b = load(memory, right + 4L * i);
      store(a.mul(cos).sub(b.mul(sin)), memory, head + 4L * i);
      store(b.mul(cos).add(a.mul(sin)), memory, right + 4L * i);
    }
    for (; i < half; i++) {
      float cos = angles.get(JAVA_FLOAT, angle + 4L * i);
      float sin = angles.get(JAVA_FLOAT, sine + 4L * i);
      float a = memory.get(JAVA_FLOAT, head + 4L * i);
      float b = memory.get(JAVA_FLOAT, right + 4L * i);
      memory.set(JAVA_FLOAT, head + 4L * i, a * cos - b * sin);
      memory.set(JAVA_FLOAT, right + 4L * i, b * cos + a * sin);
    }
  }

  @Override
  public void attention(
      Activation q,
      Activation k,
      Activation v,
      int headSize,
      QueryRows queries,
      int[] keyStarts,
      int[] limits,
      int window,
      Activation out) {
    attention.attend(step.memory(), q, k, v, headSize, queries, keyStarts, limits, window, out);
  }

  /** Products want neighbouring keys, so all are gathered. */
  @Override
  public void attention(
      Activation q,
      Activation computed,
      KvLayer layer,
      CachedKeys cached,
      Activation all,
      int headSize,
      QueryRows queries,
      int[] limits,
      int window,
      Activation out) {
    MemorySegment memory = step.memory();
    for (int i = 0; i < cached.keys().length; i++) {
      ((HostKvLayer) layer).read(cached.slots()[i], memory, 4 * all.row(cached.keys()[i]));
    }
    for (int i = 0; i < cached.keyRows().length; i++) {
      long to = 4 * all.row(cached.keyRows()[i]);
      MemorySegment.copy(memory, 4 * computed.row(i), memory, to, 4L * computed.columns());
    }
    int width = all.columns() / 2;
    attention(
        q,
        all.columns(0, width),
        all.columns(width, width),
        headSize,
        queries,
        cached.keyStarts(),
        limits,
        window,
        out);
  }

  @Override
  public void swiGlu(Activation gateUp, Activation out) {
    MemorySegment memory = step.memory();
    int count = out.columns();
    byRows(out.rows(), row -> swiGlu(memory, 4 * gateUp.row(row), 4 * out.row(row), count));
  }

  /** One row: {@code count} gates at byte {@code gate}, followed by as many ups. */
  static void swiGlu(MemorySegment memory, long gate, long to, int count) {
    long up = gate + 4L * count;
    for (int i = 0; i < count; i += LANES) {
      FloatVector g = Vectors.loadFirst(memory, gate + 4L * i, count - i);
      FloatVector silu = g.div(Vectors.exp(g.neg()).add(1f));
      FloatVector u = Vectors.loadFirst(memory, up + 4L * i, count - i);
      Vectors.storeFirst(silu.mul(u), memory, to + 4L * i, count - i);
    }
  }

  @Override
  public void geGlu(Activation gateUp, Activation out) {
    MemorySegment memory = step.memory();
    int count = out.columns();
    byRows(out.rows(), row -> geGlu(memory, 4 * gateUp.row(row), 4 * out.row(row), count));
  }

  /** As {@link #swiGlu(MemorySegment, long, long, int)}. */
  static void geGlu(MemorySegment memory, long gate, long to, int count) {
    long up = gate + 4L * count;
    for (int i = 0; i < count; i += LANES) {
      FloatVector g = Vectors.loadFirst(memory, gate + 4L * i, count - i);
      FloatVector u = Vectors.loadFirst(memory, up + 4L * i, count - i);
      Vectors.storeFirst(Vectors.gelu(g).mul(u), memory, to + 4L * i, count - i);
    }
  }

  @Override
  public void addExperts(
      Activation x,
      Weight router,
      Experts experts,
      ExpertWeights weights,
      Activation outputs,
      Activation sum) {
    mixture.add(step.memory(), x, x, (HostWeight) router, experts, weights, outputs, true, sum);
  }

  @Override
  public void experts(
      Activation routed,
      Activation x,
      Weight router,
      Experts experts,
      ExpertWeights weights,
      Activation outputs,
      Activation out) {
    HostWeight scores = (HostWeight) router;
    mixture.add(step.memory(), routed, x, scores, experts, weights, outputs, false, out);
  }

  @Override
  public void gather(Activation x, int[] rows, Activation out) {
    MemorySegment memory = step.memory();
    for (int i = 0; i < rows.length; i++) {
      MemorySegment.copy(memory, 4 * x.row(rows[i]), memory, 4 * out.row(i), 4L * x.columns());
    }
  }

  @Override
  public void scatter(Activation x, int[] rows, Activation out) {
    MemorySegment memory = step.memory();
    for (int i = 0; i < rows.length; i++) {
      MemorySegment.copy(memory, 4 * x.row(i), memory, 4 * out.row(rows[i]), 4L * x.columns());
    }
  }

  @Override
  public KvLayer openKvLayer(int slots, int columns) {
    return new HostKvLayer(weights, slots, columns);
  }

  @Override
  public void cache(Activation x, int[] rows, KvLayer layer, int[] slots) {
    for (int i = 0; i < rows.length; i++) {
      ((HostKvLayer) layer).write(slots[i], step.memory(), 4 * x.row(rows[i]));
    }
  }

  @Override
  public void restore(KvLayer layer, int[] slots, int[] rows, Activation out) {
    for (int i = 0; i < rows.length; i++) {
      ((HostKvLayer) layer).read(slots[i], step.memory(), 4 * out.row(rows[i]));
    }
  }

  @Override
  public void guide(Activation x, int row, int unconditional, double scale) {
    MemorySegment memory = step.memory();
    for (int i = 0; i < x.columns(); i++) {
      double c = memory.get(JAVA_FLOAT, 4 * x.row(row) + 4L * i);
      double u = memory.get(JAVA_FLOAT, 4 * x.row(unconditional) + 4L * i);
      memory.set(JAVA_FLOAT, 4 * x.row(row) + 4L * i, (float) (u + (scale + 1) * (c - u)));
    }
  }

  @Override
  public List<Prediction> vocabulary(
      Activation x, Weight head, OptionalDouble cap, List<RowDraw> draws) {
    return vocabulary.reduce(step.memory(), x, (HostWeight) head, cap, draws);
  }

  @Override
  public void softCap(Activation x, double cap) {
    MemorySegment memory = step.memory();
    byRows(x.rows(), row -> softCap(memory, 4 * x.row(row), x.columns(), (float) cap));
  }

  /** Some neighbouring numbers. */
  static void softCap(MemorySegment memory, long at, int count, float cap) {
    for (int i = 0; i < count; i += LANES) {
      FloatVector x = Vectors.loadFirst(memory, at + 4L * i, count - i);
      Vectors.storeFirst(Vectors.tanh(x.div(cap)).mul(cap), memory, at + 4L * i, count - i);
    }
  }

  @Override
  public void distribution(
      Activation x, Weight head, OptionalDouble cap, double temperature, Activation out) {
    linear(x, head, 0, out);
    if (cap.isPresent()) {
      softCap(out, cap.getAsDouble());
    }
    MemorySegment memory = step.memory();
    float inverse = (float) (1 / temperature);
    byRows(x.rows(), row -> softmax(memory, 4 * out.row(row), out.columns(), inverse));
  }

  private static void softmax(MemorySegment memory, long at, int count, float inverse) {
    float highest = Float.NEGATIVE_INFINITY;
    for (int i = 0; i < count; i++) {
      highest = Math.max(highest, memory.get(JAVA_FLOAT, at + 4L * i));
    }
    double sum = 0;
    for (int i = 0; i < count; i += Arithmetic.LANES) {
      sum += exponentials(memory, at + 4L * i, count - i, highest, inverse);
    }
    float share = (float) (1 / sum);
    for (int i = 0; i < count; i += LANES) {
      FloatVector scaled = Vectors.loadFirst(memory, at + 4L * i, count - i).mul(share);
      Vectors.storeFirst(scaled, memory, at + 4L * i, count - i);
    }
  }

  /** Up to sixteen {@code e^((x - highest) · inverse)} in place, and their sum. */
  private static double exponentials(
      MemorySegment memory, long at, int count, float highest, float inverse) {
    int end = Math.min(count, Arithmetic.LANES);
    double sum = 0;
    for (int i = 0; i < end; i += LANES) {
      FloatVector x = Vectors.loadFirst(memory, at + 4L * i, end - i);
      FloatVector e = Vectors.exp(x.sub(highest).mul(inverse));
      Vectors.storeFirst(e, memory, at + 4L * i, end - i);
    }
    for (int i = 0; i < end; i++) {
      sum += memory.get(JAVA_FLOAT, at + 4L * i);
    }
    return sum;
  }

  @Override
  public Weight transposed(Weight w) {
    HostWeight from = (HostWeight) w;
    int panel = from.isRowMajor() ? 1 : Linear.PANEL;
    long elementBytes = from.precision() == Precision.BF16 ? Short.BYTES : Float.BYTES;
    long padded = (long) Math.ceilDiv(from.columns(), panel) * panel;
    HostWeight to =
        new HostWeight(
            from.precision(),
            from.columns(),
            from.rows(),
            panel,
            weights.allocate(padded * from.rows() * elementBytes, ALIGNMENT));
    byRows(
        to.rows(),
        row -> {
          for (int column = 0; column < to.columns(); column++) {
            long at = to.at(row, column);
            switch (from.precision()) {
              case F32 ->
                  to.data().set(JAVA_FLOAT, at, from.data().get(JAVA_FLOAT, from.at(column, row)));
              case BF16 ->
                  to.data().set(JAVA_SHORT, at, from.data().get(JAVA_SHORT, from.at(column, row)));
            }
          }
        });
    return to;
  }

  @Override
  public float[] read(Activation x) {
    float[] result = new float[x.rows() * x.columns()];
    for (int row = 0; row < x.rows(); row++) {
      MemorySegment.copy(
          step.memory(), JAVA_FLOAT, 4 * x.row(row), result, row * x.columns(), x.columns());
    }
    return result;
  }

  @Override
  public void close() {
    if (gemm instanceof RehearsedGemm rehearsed) {
      rehearsed.close();
    }
    workers.close();
    for (Scratch each : scratch) {
      each.close();
    }
    linear.close();
    vocabulary.close();
    mixture.close();
    step.close();
    weights.close();
  }

  private void byRows(int rows, RowTask task) {
    workers.run(
        Math.ceilDiv(rows, ROWS_PER_TASK),
        (piece, _) -> {
          int first = piece * ROWS_PER_TASK;
          for (int row = first; row < Math.min(rows, first + ROWS_PER_TASK); row++) {
            task.run(row);
          }
        });
  }

  /** An operation on one row. */
  private interface RowTask {
    void run(int row);
  }
}
