package dev.palimpsest.engine.backend.cuda;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.palimpsest.bindings.cublas.Cublas;
import dev.palimpsest.bindings.cuda.Context;
import dev.palimpsest.bindings.cuda.Cuda;
import dev.palimpsest.bindings.cuda.CudaException;
import dev.palimpsest.bindings.cuda.Device;
import dev.palimpsest.bindings.cuda.DeviceMemory;
import dev.palimpsest.bindings.cuda.PinnedMemory;
import dev.palimpsest.bindings.cuda.Stream;
import dev.palimpsest.engine.backend.Activation;
import dev.palimpsest.engine.backend.Backend;
import dev.palimpsest.engine.backend.Bf16;
import dev.palimpsest.engine.backend.CachedKeys;
import dev.palimpsest.engine.backend.ExpertWeights;
import dev.palimpsest.engine.backend.KvLayer;
import dev.palimpsest.engine.backend.QueryRows;
import dev.palimpsest.engine.backend.RowDraw;
import dev.palimpsest.engine.backend.Weight;
import dev.palimpsest.engine.backend.Workload;
import dev.palimpsest.engine.checkpoint.Tensor;
import dev.palimpsest.engine.device.CudaOptions;
import dev.palimpsest.engine.device.DeviceException;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.engine.model.Attention;
import dev.palimpsest.engine.model.Experts;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.unpack.LibraryCache;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/**
 * The operations on an NVIDIA GPU. Activations and weights are f32 or bf16, sums f32; vectors and
 * tables are f32.
 *
 * <p>After a failure of the device everything is freed, and only {@link #close} may be called. A
 * call that it refuses is no failure: that step is lost, and another may be begun.
 */
public final class CudaBackend implements Backend {
  private static final int NAN_WORD = -1;
  private static final int NO_ROW = -1;
  private static final int TRANSPOSED = 32;

  private final Precision precision;
  private final CudaOptions options;
  private final Context context;
  private final List<AutoCloseable> resources = new ArrayList<>();
  private final List<CudaWeight> weights = new ArrayList<>();
  private final Stream stream;
  private final Kernels kernels;
  private final Products products;
  private final WeightUpload upload;
  private final StepInput input;
  private final StepMachine machine;
  private final Vocabulary vocabulary;
  private final DeviceMixture mixture;
  private final DeviceAttention attention;
  private final List<AttentionWork> attentionWork = new ArrayList<>();
  private final GuidedRows guided = new GuidedRows();

  private DeviceMemory memory = DeviceMemory.none();
  private DeviceMemory logits = DeviceMemory.none();
  private Optional<String> unusable = Optional.empty();
  private int[] numbers = {};
  private long steps;
  private int tokens;

  /** Takes the context, and closes it with itself or if it cannot be set up. */
  CudaBackend(Precision precision, CudaOptions options, ModelSpec spec, Context context) {
    this.precision = precision;
    this.options = options;
    this.context = context;
    boolean opened = false;
    try {
      stream = held(new Stream());
      kernels = held(Kernels.load(context.device(), precision, headSizes(spec)));
      AlgorithmStore store = new AlgorithmStore(storeFile(context.device()));
      products =
          held(
              new Products(
                  kernels,
                  stream,
                  store,
                  weights,
                  BitClass.of(context.device(), precision),
                  new Products.Sample(spec.hidden(), spec.attention().queryWidth()),
                  options.fastGemm()));
      upload = held(new WeightUpload(stream));
      input = held(new StepInput(this::growInput));
      vocabulary = held(new Vocabulary(input));
      machine =
          held(
              new StepMachine(
                  context.device(), kernels, products, weights, input, stream, options.audit()));
      mixture = held(new DeviceMixture(input, machine, precision));
      attention = held(new DeviceAttention(machine, precision, context.device().multiprocessors()));
      opened = true;
    } finally {
      if (!opened) {
        Release.all(resources);
        Release.one(context);
      }
    }
  }

  private <T extends AutoCloseable> T held(T resource) {
    resources.add(resource);
    return resource;
  }

  private static Path storeFile(Device device) {
    return LibraryCache.userFolder()
        .resolve("gemm")
        .resolve(device.uuid() + "-cublas-" + Cublas.version() + ".txt");
  }

  /** Why no model can be run on the first GPU here, in one sentence; empty if one can. */
  public static Optional<String> failure() {
    return failure(0);
  }

  private static Optional<String> failure(int ordinal) {
    if (Cuda.failure().isPresent()) {
      return Cuda.failure();
    }
    int found = Cuda.devices().size();
    if (ordinal < 0 || ordinal >= found) {
      return Optional.of(
          "GPU %d is asked for, and the driver shows %d, counted from 0".formatted(ordinal, found));
    }
    return Kernels.failure(Cuda.devices().get(ordinal)).or(Cublas::failure);
  }

  /** The version of cuBLASLt, or why there is none. */
  public static String describeCublas() {
    return Cublas.failure()
        .map(reason -> Cuda.isAvailable() ? reason : "not looked for without a GPU")
        .orElseGet(() -> "version " + Cublas.version());
  }

  /** What of this build's kernels the first GPU runs, or what there is without one. */
  public static String describeKernels() {
    return Kernels.describe(
        Cuda.isAvailable() ? Cuda.devices().stream().findFirst() : Optional.empty());
  }

  /** The first GPU in words; {@link #failure} is empty. */
  public static String device() {
    return inWords(Cuda.devices().getFirst());
  }

  private static String inWords(Device device) {
    return String.format(
        Locale.ROOT,
        "%s (%s, %.0f GB, driver for CUDA %d.%d)",
        device.name(),
        device.architecture(),
        device.memoryBytes() / 1e9,
        Cuda.driverVersion() / 1000,
        Cuda.driverVersion() % 1000 / 10);
  }

  /**
   * Sets a GPU up for a model.
   *
   * @param precision of weights and activations
   * @param options which GPU, and how it is used
   * @param spec of the model that is to be loaded
   * @param workload what has to fit beside the weights
   * @throws DeviceException if there is no GPU, or no kernel for this model, or the model does not
   *     fit: then it says how much is needed and how much is free
   */
  public static CudaBackend open(
      Precision precision, CudaOptions options, ModelSpec spec, Workload workload) {
    Optional<String> reason = failure(options.ordinal());
    if (reason.isPresent()) {
      throw new DeviceException("there is no GPU to compute on: " + reason.get());
    }
    for (Attention each : spec.attentions()) {
      Kernels.requireHeads(each.headSize(), each.heads() / each.keyValueHeads());
    }
    spec.feedForward()
        .experts()
        .ifPresent(experts -> DeviceMixture.require(spec, experts, precision));
    Context context = Context.retain(Cuda.devices().get(options.ordinal()));
    boolean fits = false;
    try {
      DeviceNeed need = DeviceNeed.of(spec, precision, workload);
      long free = context.freeBytes();
      if (need.total() > free) {
        throw new DeviceException(
            "the model does not fit: %s of %s's memory are needed (%s), and %s are free"
                .formatted(
                    DeviceNeed.gigabytes(need.total()),
                    context.device().name(),
                    need.describe(precision, workload.tokens()),
                    DeviceNeed.gigabytes(free)));
      }
      fits = true;
    } finally {
      if (!fits) {
        Release.one(context);
      }
    }
    return new CudaBackend(precision, options, spec, context);
  }

  /** Sets a GPU up for weights alone. */
  public static CudaBackend open(Precision precision, CudaOptions options, ModelSpec spec) {
    return open(precision, options, spec, Workload.NONE);
  }

  private static int[] headSizes(ModelSpec spec) {
    return spec.attentions().stream().mapToInt(Attention::headSize).distinct().toArray();
  }

  private static String name(Precision precision) {
    return precision.name().toLowerCase(Locale.ROOT);
  }

  @Override
  public String describe() {
    return "cuda, "
        + name(precision)
        + ", "
        + inWords(context.device())
        + ", cuBLASLt "
        + Cublas.version()
        + ", "
        + products.rule().words()
        + (options.fastGemm() ? ": results may depend on the batch" : "")
        + (options.audit() ? ", audited" : "");
  }

  @Override
  public String arithmetic() {
    return "cuda-"
        + name(precision)
        + "/"
        + inWords(context.device())
        + "/cuBLASLt-"
        + Cublas.version()
        + "/"
        + products.rule().words();
  }

  @Override
  public Precision precision() {
    return precision;
  }

  @Override
  public boolean isBatchInvariant() {
    return !options.fastGemm();
  }

  @Override
  public Weight weight(List<Tensor> parts) {
    boolean vector = parts.getFirst().shape().size() == 1;
    return weight(parts, vector ? Precision.F32 : precision);
  }

  @Override
  public Weight exactWeight(List<Tensor> parts) {
    return weight(parts, Precision.F32);
  }

  @Override
  public Weight bias(List<Tensor> parts) {
    return weight(parts, precision);
  }

  private Weight weight(List<Tensor> parts, Precision stored) {
    return onDevice(
        () -> "loading " + parts.getFirst().name(),
        () -> {
          List<Long> shape = parts.getFirst().shape();
          int columns = Math.toIntExact(shape.getLast());
          long elements = parts.stream().mapToLong(Tensor::elements).sum();
          CudaWeight weight = allocate(stored, Math.toIntExact(elements / columns), columns);
          DeviceMemory target = (DeviceMemory) resources.getLast();
          long at = 0;
          for (Tensor part : parts) {
            upload.copy(part, stored, target, at);
            at += part.elements() * CudaWeight.elementBytes(stored);
          }
          return weight;
        });
  }

  @Override
  public Weight table(int rows, int columns, float[] values) {
    return onDevice(
        () -> "loading a table",
        () -> {
          CudaWeight weight = allocate(Precision.F32, rows, columns);
          upload.copy(values, (DeviceMemory) resources.getLast());
          return weight;
        });
  }

  /** Memory for a weight, whose content is whatever lies there. */
  CudaWeight allocate(Precision stored, int rows, int columns) {
    long bytes = CudaWeight.elementBytes(stored) * rows * columns;
    DeviceMemory allocated = held(DeviceMemory.allocate(bytes));
    CudaWeight weight = new CudaWeight(weights.size(), stored, rows, columns, allocated.address());
    weights.add(weight);
    return weight;
  }

  @Override
  public int paddedRows(int rows) {
    return RowBuckets.padded(rows);
  }

  @Override
  public void begin(long elements) {
    onDevice(
        () -> "making room for a step of " + elements + " elements",
        () -> {
          upload.close();
          machine.clear();
          mixture.begin();
          forgetInput();
          steps++;
          tokens = 0;
          long bytes = elements * CudaWeight.elementBytes(precision);
          if (memory.bytes() < bytes) {
            makeRoom(Math.ceilDiv(bytes, Integer.BYTES) * Integer.BYTES);
          }
          if (options.audit()) {
            memory.fill(NAN_WORD, 0, memory.bytes() / Integer.BYTES, stream);
            if (logits.bytes() > 0) {
              logits.fill(NAN_WORD, 0, logits.bytes() / Integer.BYTES, stream);
            }
            mixture.poison(stream);
            attention.poison(stream);
          }
          return true;
        });
  }

  /** A step that is too large is refused, and another may be begun. */
  private void makeRoom(long bytes) {
    memory.close();
    memory = DeviceMemory.none();
    try {
      memory = DeviceMemory.allocate(bytes);
    } catch (CudaException e) {
      if (!e.isOutOfMemory()) {
        throw e;
      }
      throw new DeviceException(
          "step %d does not fit: %s of the device's memory are needed for its activations, and %s are free; fewer or shorter sequences at once need less"
              .formatted(
                  steps, DeviceNeed.gigabytes(bytes), DeviceNeed.gigabytes(context.freeBytes())),
          e);
    }
  }

  private void growInput(Runnable growth) {
    boolean _ =
        onDevice(
            () -> "making room for the input of step " + steps,
            () -> {
              growth.run();
              return true;
            });
  }

  private void forgetInput() {
    input.clear();
    attentionWork.clear();
    guided.clear();
  }

  @Override
  public void embed(int[] ids, Weight table, Activation out) {
    tokens = Math.max(tokens, ids.length);
    CudaWeight source = embedded(table);
    int rows = RowBuckets.padded(ids.length);
    launch(DeviceOp.EMBED, rows, blocksOfRow(rows, out.columns()))
        .input(input.put(ids, rows, 0))
        .address(source.address())
        .value(out.columns())
        .address(address(out))
        .value(out.stride());
  }

  @Override
  public void embed(int[] ids, float[] shares, Weight table, Activation out) {
    CudaWeight source = embedded(table);
    int each = ids.length / out.rows();
    int rows = RowBuckets.padded(out.rows());
    int[] bits = new int[shares.length];
    for (int i = 0; i < bits.length; i++) {
      bits[i] = Float.floatToRawIntBits(shares[i]);
    }
    launch(DeviceOp.EMBED_SHARES, rows, blocksOfRow(rows, out.columns()))
        .address(source.address())
        .value(out.columns())
        .input(input.put(ids, rows * each, NO_ROW))
        .input(input.put(bits, rows * each, 0))
        .value(each)
        .address(address(out))
        .value(out.stride())
        .value(out.columns())
        .value(0);
  }

  private CudaWeight embedded(Weight table) {
    CudaWeight source = (CudaWeight) table;
    if (source.precision() != precision) {
      throw new IllegalArgumentException(
          "a table of " + source.precision() + " is embedded where " + precision + " is computed");
    }
    return source;
  }

  @Override
  public void rmsNorm(Activation x, Weight gain, double epsilon, Activation out) {
    launch(DeviceOp.RMS_NORM, RowBuckets.padded(x.rows()), 1)
        .address(address(x))
        .value(x.stride())
        .address(((CudaWeight) gain).address())
        .value((float) epsilon)
        .address(address(out))
        .value(out.stride())
        .value(x.columns());
  }

  @Override
  public void addRmsNorm(Activation x, Weight gain, double epsilon, Activation sum) {
    launch(DeviceOp.ADD_RMS_NORM, RowBuckets.padded(x.rows()), 1)
        .address(address(x))
        .value(x.stride())
        .address(((CudaWeight) gain).address())
        .value((float) epsilon)
        .address(address(sum))
        .value(sum.stride())
        .value(x.columns());
  }

  @Override
  public void scale(Activation x, Weight factors, int[] which) {
    int rows = RowBuckets.padded(x.rows());
    launch(DeviceOp.SCALE_ROWS, rows, blocksOfRow(rows, x.columns()))
        .address(address(x))
        .value(x.stride())
        .address(((CudaWeight) factors).address())
        .input(input.put(which, rows, 0))
        .value(x.columns());
  }

  @Override
  public void addToRows(Activation x, Weight values) {
    int rows = RowBuckets.padded(x.rows());
    launch(DeviceOp.ADD_BIAS, rows, blocksOfRow(rows, x.columns()))
        .address(address(x))
        .value(x.stride())
        .address(((CudaWeight) values).address())
        .value(x.columns());
  }

  /** The rotation's kernel norms a head before it rotates none of it. */
  @Override
  public void normHeads(Activation x, int headSize, Weight gain, double epsilon) {
    int rows = RowBuckets.padded(x.rows());
    long gains = ((CudaWeight) gain).address();
    launch(DeviceOp.ROTARY, rows, blocksOfRow(rows, x.columns()))
        .address(address(x))
        .value(x.stride())
        .value(x.columns() / headSize)
        .value(x.columns() / headSize)
        .value(headSize)
        .value(0)
        .input(input.put(ascending(rows), rows, 0))
        .address(gains)
        .address(gains)
        .address(gains)
        .value((float) epsilon);
  }

  /** The numbers from 0 on, at least {@code count}: the same object until more are needed. */
  private int[] ascending(int count) {
    if (numbers.length < count) {
      numbers = IntStream.range(0, 2 * count).toArray();
    }
    return numbers;
  }

  @Override
  public void addExperts(
      Activation x,
      Weight router,
      Experts experts,
      ExpertWeights expertWeights,
      Activation outputs,
      Activation sum) {
    putExperts(x, x, router, experts, expertWeights, outputs, true, sum);
  }

  @Override
  public void experts(
      Activation routed,
      Activation x,
      Weight router,
      Experts experts,
      ExpertWeights expertWeights,
      Activation outputs,
      Activation out) {
    putExperts(routed, x, router, experts, expertWeights, outputs, false, out);
  }

  private void putExperts(
      Activation routed,
      Activation x,
      Weight router,
      Experts experts,
      ExpertWeights expertWeights,
      Activation outputs,
      boolean adds,
      Activation sum) {
    putGuided();
    onDevice(
        () -> "making room for the experts of %d tokens".formatted(x.rows()),
        () -> {
          mixture.put(
              new DeviceMixture.Rows(address(routed), routed.stride()),
              new DeviceMixture.Rows(address(x), x.stride()),
              x.rows(),
              (CudaWeight) router,
              experts,
              expertWeights,
              address(outputs),
              adds,
              new DeviceMixture.Rows(address(sum), sum.stride()));
          return true;
        });
  }

  @Override
  public KvLayer openKvLayer(int slots, int columns) {
    return onDevice(
        () -> "making room for a KV cache of %d slots of %d elements".formatted(slots, columns),
        () -> held(new CudaKvLayer(slots, columns, CudaWeight.elementBytes(precision))));
  }

  @Override
  public void cache(Activation x, int[] rows, KvLayer layer, int[] slots) {
    CudaKvLayer to = (CudaKvLayer) layer;
    move(address(x), x.stride(), rows, to.address(), to.columns(), slots, x);
  }

  @Override
  public void restore(KvLayer layer, int[] slots, int[] rows, Activation out) {
    CudaKvLayer from = (CudaKvLayer) layer;
    move(from.address(), from.columns(), slots, address(out), out.stride(), rows, out);
  }

  /** Moves rows as wide as {@code like}; there is one target each. */
  private void move(
      long x, int xStride, int[] from, long out, int outStride, int[] to, Activation like) {
    if (to.length == 0) {
      return;
    }
    int moves = RowBuckets.padded(to.length);
    launch(DeviceOp.MOVE, moves, blocksOfRow(moves, like.columns()))
        .address(x)
        .value(xStride)
        .input(input.put(from, moves, 0))
        .address(out)
        .value(outStride)
        .input(input.put(to, moves, NO_ROW))
        .value(like.columns());
  }

  @Override
  public void linear(Activation x, Weight w, int firstRow, Activation out) {
    product(x, (CudaWeight) w, firstRow, 0, out, false);
  }

  @Override
  public void linear(Activation x, Weight w, Weight bias, int firstRow, Activation out) {
    long from = ((CudaWeight) bias).address() + CudaWeight.elementBytes(precision) * firstRow;
    product(x, (CudaWeight) w, firstRow, from, out, false);
  }

  @Override
  public void addLinear(Activation x, Weight w, Activation sum) {
    product(x, (CudaWeight) w, 0, 0, sum, true);
  }

  private void product(
      Activation x, CudaWeight w, int firstRow, long bias, Activation out, boolean add) {
    putGuided();
    machine.product(
        w,
        firstRow,
        out.columns(),
        bias,
        address(x),
        x.stride(),
        RowBuckets.padded(x.rows()),
        address(out),
        out.stride(),
        precision,
        add);
  }

  @Override
  public void rotate(Activation x, int headSize, int[] positions, Weight table) {
    int rows = RowBuckets.padded(x.rows());
    CudaWeight angles = (CudaWeight) table;
    launch(DeviceOp.ROTARY, rows, blocksOfRow(rows, x.columns()))
        .address(address(x))
        .value(x.stride())
        .value(x.columns() / headSize)
        .value(x.columns() / headSize)
        .value(headSize)
        .value(angles.columns())
        .input(input.put(positions, rows, 0))
        .address(angles.address())
        .address(0)
        .address(0)
        .value(0f);
  }

  @Override
  public void normAndRotate(
      Activation x,
      int queryColumns,
      int headSize,
      Weight queryGain,
      Weight keyGain,
      double epsilon,
      int[] positions,
      Weight table) {
    int rows = RowBuckets.padded(x.rows());
    CudaWeight angles = (CudaWeight) table;
    launch(DeviceOp.ROTARY, rows, blocksOfRow(rows, x.columns()))
        .address(address(x))
        .value(x.stride())
        .value(x.columns() / headSize)
        .value(queryColumns / headSize)
        .value(headSize)
        .value(angles.columns())
        .input(input.put(positions, rows, 0))
        .address(angles.address())
        .address(((CudaWeight) queryGain).address())
        .address(((CudaWeight) keyGain).address())
        .value((float) epsilon);
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
    putAttention(
        q,
        k,
        v,
        headSize,
        work(queries, keyStarts, q.columns() / k.columns()),
        limits,
        window,
        DeviceAttention.Cached.NONE,
        out);
  }

  /** The kernel reads cached keys where they are. */
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
    int width = computed.columns() / 2;
    CudaKvLayer from = (CudaKvLayer) layer;
    putAttention(
        q,
        computed.columns(0, width),
        computed.columns(width, width),
        headSize,
        work(queries, cached, q.columns() / width),
        limits,
        window,
        new DeviceAttention.Cached(
            from.address(),
            from.address() + CudaWeight.elementBytes(precision) * width,
            input.putApart(cached.slots()),
            from.columns()),
        out);
  }

  private void putAttention(
      Activation q,
      Activation k,
      Activation v,
      int headSize,
      AttentionWork work,
      int[] limits,
      int window,
      DeviceAttention.Cached cached,
      Activation out) {
    putGuided();
    attention.put(
        new DeviceAttention.Rows(address(q), q.stride()),
        new DeviceAttention.Rows(address(k), k.stride()),
        new DeviceAttention.Rows(address(v), v.stride()),
        new DeviceAttention.Heads(q.columns() / headSize, k.columns() / headSize, headSize),
        work,
        input.put(limits, RowBuckets.padded(limits.length), 0),
        cached,
        window,
        new DeviceAttention.Rows(address(out), out.stride()));
  }

  /** The blocks of one layer are those of the next like it, and are put in once. */
  private AttentionWork work(QueryRows queries, int[] keyStarts, int group) {
    for (AttentionWork each : attentionWork) {
      if (each.isFor(queries, keyStarts, group)) {
        return each;
      }
    }
    AttentionWork created = AttentionWork.of(queries, keyStarts, group, input);
    attentionWork.add(created);
    return created;
  }

  private AttentionWork work(QueryRows queries, CachedKeys cached, int group) {
    for (AttentionWork each : attentionWork) {
      if (each.isFor(queries, cached.keyStarts(), group)) {
        return each;
      }
    }
    AttentionWork created = AttentionWork.of(queries, cached, group, input);
    attentionWork.add(created);
    return created;
  }

  @Override
  public void swiGlu(Activation gateUp, Activation out) {
    putGated(DeviceOp.SWIGLU, gateUp, out);
  }

  @Override
  public void geGlu(Activation gateUp, Activation out) {
    putGated(DeviceOp.GEGLU, gateUp, out);
  }

  private void putGated(DeviceOp op, Activation gateUp, Activation out) {
    int rows = RowBuckets.padded(out.rows());
    launch(op, rows, blocksOfRow(rows, out.columns()))
        .address(address(gateUp))
        .value(gateUp.stride())
        .address(address(out))
        .value(out.stride())
        .value(out.columns());
  }

  /** Rows are gathered because they are asked for, which the tail of a step begins with. */
  @Override
  public void gather(Activation x, int[] rows, Activation out) {
    putGuided();
    machine.beginTail();
    int padded = RowBuckets.padded(rows.length);
    launch(DeviceOp.GATHER, padded, blocksOfRow(padded, out.columns()))
        .address(address(x))
        .value(x.stride())
        .input(input.put(rows, padded, 0))
        .address(address(out))
        .value(out.stride())
        .value(out.columns());
  }

  @Override
  public void scatter(Activation x, int[] rows, Activation out) {
    move(address(x), x.stride(), ascending(rows.length), address(out), out.stride(), rows, x);
  }

  /** Pairs of the same matrix, one after another, become one launch. */
  @Override
  public void guide(Activation x, int row, int unconditional, double scale) {
    if (!guided.isOf(x)) {
      putGuided();
    }
    guided.add(x, row, unconditional, (float) scale);
  }

  private void putGuided() {
    if (!guided.isEmpty()) {
      GuidedRows.Put put = guided.put(input);
      Activation x = guided.matrix();
      guided.clear();
      launch(DeviceOp.GUIDE, put.count(), blocksOfRow(put.count(), x.columns()))
          .address(address(x))
          .value(x.stride())
          .value(x.columns())
          .input(put.pairs())
          .input(put.scales());
    }
  }

  @Override
  public List<Prediction> vocabulary(
      Activation x, Weight head, OptionalDouble cap, List<RowDraw> draws) {
    putGuided();
    return onDevice(
        () -> "step %d over %d tokens, %d rows asked for".formatted(steps, tokens, draws.size()),
        () -> {
          CudaWeight weight = (CudaWeight) head;
          vocabulary.put(address(x), x.stride(), weight, cap, draws, machine);
          if (options.audit()) {
            vocabulary.poison(stream);
          }
          machine.run(vocabulary.results(), vocabulary.pinned(), vocabulary.resultBytes());
          forgetInput();
          Prediction[] predictions = new Prediction[draws.size()];
          for (int i = 0; i < predictions.length; i++) {
            predictions[i] = vocabulary.result(i);
          }
          Alternatives.add(
              address(x),
              x.stride(),
              weight,
              cap,
              draws,
              predictions,
              vocabulary,
              input,
              machine,
              stream);
          return List.of(predictions);
        });
  }

  @Override
  public void softCap(Activation x, double cap) {
    int rows = RowBuckets.padded(x.rows());
    launch(DeviceOp.SOFT_CAP, rows, blocksOfRow(rows, x.columns()))
        .address(address(x))
        .value(x.stride())
        .value((float) cap)
        .value(x.columns());
  }

  /** Logits are f32 whatever the precision, in memory of their own. */
  @Override
  public void distribution(
      Activation x, Weight head, OptionalDouble cap, double temperature, Activation out) {
    putGuided();
    CudaWeight weight = (CudaWeight) head;
    int rows = RowBuckets.padded(x.rows());
    int width = Vocabulary.stridden(weight.rows());
    long bytes = (long) Float.BYTES * rows * width;
    if (logits.bytes() < bytes) {
      boolean _ =
          onDevice(
              () -> "making room for the logits of %d rows".formatted(rows),
              () -> {
                machine.runOnce(); // what is written down names the memory that there was
                forgetInput();
                logits.close();
                logits = DeviceMemory.none();
                logits = DeviceMemory.allocate(bytes);
                return true;
              });
    }
    machine.product(
        weight,
        0,
        weight.rows(),
        0,
        address(x),
        x.stride(),
        rows,
        logits.address(),
        width,
        Precision.F32,
        false);
    Vocabulary.cap(machine, logits.address(), width, rows, weight.rows(), cap);
    launch(DeviceOp.SOFTMAX, rows, 1)
        .address(logits.address())
        .value(width)
        .value(weight.rows())
        .value((float) (1 / temperature))
        .address(address(out))
        .value(out.stride());
  }

  @Override
  public Weight transposed(Weight w) {
    CudaWeight from = (CudaWeight) w;
    return onDevice(
        () -> "transposing a weight of %d rows".formatted(from.rows()),
        () -> {
          CudaWeight to = allocate(from.precision(), from.columns(), from.rows());
          machine.clear();
          machine
              .launch(
                  DeviceOp.TRANSPOSE,
                  Math.ceilDiv(from.columns(), TRANSPOSED),
                  Math.ceilDiv(from.rows(), TRANSPOSED))
              .address(from.address())
              .value(from.rows())
              .value(from.columns())
              .address(to.address());
          machine.runOnce();
          return to;
        });
  }

  /** Lets every step's tape be seen before it runs. */
  void readBy(StepMachine.TapeReader reader) {
    machine.readBy(reader);
  }

  /**
   * Nanoseconds that the host has waited for the device so far, after it had put all work of a step
   * into the stream; the rest of a step's time is the host's own.
   */
  public long waitedNanos() {
    return machine.waitedNanos();
  }

  /**
   * Steps that ran as a CUDA graph so far, up to the rows that are asked for, instead of operation
   * by operation.
   */
  public long graphSteps() {
    return machine.graphSteps();
  }

  /** CUDA graphs that were recorded so far. */
  public long capturedGraphs() {
    return machine.captured();
  }

  @Override
  public float[] read(Activation x) {
    long count = (long) x.rows() * x.columns();
    if (count > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(
          "%d rows of %d numbers are read at once, and at most %d numbers can be"
              .formatted(x.rows(), x.columns(), Integer.MAX_VALUE));
    }
    putGuided();
    long elementBytes = CudaWeight.elementBytes(precision);
    long span = elementBytes * ((long) (x.rows() - 1) * x.stride() + x.columns());
    return onDevice(
        () -> "step %d over %d tokens".formatted(steps, tokens),
        () -> {
          try (PinnedMemory copy = PinnedMemory.allocate(span)) {
            machine.runOnce();
            forgetInput();
            memory.copyTo(copy, elementBytes * x.offset(), 0, span, stream);
            stream.synchronize();
            float[] result = new float[(int) count];
            for (int row = 0; row < x.rows(); row++) {
              for (int column = 0; column < x.columns(); column++) {
                long at = (long) row * x.stride() + column;
                result[row * x.columns() + column] =
                    switch (precision) {
                      case F32 -> copy.segment().getAtIndex(JAVA_FLOAT, at);
                      case BF16 -> Bf16.toFloat(copy.segment().getAtIndex(JAVA_SHORT, at));
                    };
              }
            }
            return result;
          }
        });
  }

  private Launch launch(DeviceOp op, int gridX, int gridY) {
    putGuided();
    return machine.launch(op, gridX, gridY);
  }

  private int blocksOfRow(int rows, int columns) {
    return machine.blocksOfRow(rows, columns, (int) CudaWeight.elementBytes(precision));
  }

  private long address(Activation x) {
    return memory.address() + CudaWeight.elementBytes(precision) * x.offset();
  }

  /** What is done with the device. */
  private interface Task<T> {
    T run();
  }

  private <T> T onDevice(Supplier<String> what, Task<T> task) {
    if (unusable.isPresent()) {
      throw new DeviceException(unusable.get());
    }
    try {
      context.makeCurrent();
      return task.run();
    } catch (CudaException e) {
      String reason = what.get() + ": " + machine.failed() + e.getMessage();
      if (machine.isIdle()) { // the call was refused, and the device works
        machine.clear();
        forgetInput();
      } else {
        release();
        unusable = Optional.of("the device failed before: " + reason);
      }
      throw new DeviceException(reason, e);
    }
  }

  private void release() {
    Release.one(memory);
    Release.one(logits);
    Release.all(resources);
    resources.clear();
    Release.one(context);
  }

  @Override
  public void close() {
    if (unusable.isEmpty()) {
      unusable = Optional.of("this backend has been closed");
      context.makeCurrent();
      release();
    }
  }
}
