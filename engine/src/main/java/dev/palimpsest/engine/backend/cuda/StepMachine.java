package dev.palimpsest.engine.backend.cuda;

import dev.palimpsest.bindings.cuda.CudaException;
import dev.palimpsest.bindings.cuda.Device;
import dev.palimpsest.bindings.cuda.DeviceMemory;
import dev.palimpsest.bindings.cuda.Graph;
import dev.palimpsest.bindings.cuda.PinnedMemory;
import dev.palimpsest.bindings.cuda.Stream;
import dev.palimpsest.engine.device.Precision;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Writes a step's tape and runs it in two parts: the body, which is the same for all steps over as
 * many tokens, and the tail, which depends on how many rows are asked for and so changes from step
 * to step. The body runs operation by operation the first time, which lets libraries load what they
 * need, is recorded as a graph the second time, and from then on is that graph. The tail is put
 * into the stream while the device computes the body, and becomes a graph of its own when it has
 * come {@value #TAIL_RUNS} times.
 */
final class StepMachine implements AutoCloseable {
  private static final int MOST_GRAPHS = 96;
  private static final int MOST_SEEN = 4096;
  private static final int TAIL_RUNS = 32;
  private static final int THREADS = 256;
  private static final int PACK_BYTES = 16;
  private static final int BLOCKS_PER_MULTIPROCESSOR = 2;
  static final int ADD = 1;
  static final int F32_RESULT = 2;
  static final int PRODUCT_WORDS = 11;

  private final Device device;
  private final Kernels kernels;
  private final Products products;
  private final List<CudaWeight> weights;
  private final StepInput input;
  private final Tape tape = new Tape();
  private final Launch launch = new Launch(tape);
  private final Stream stream;
  private final boolean oneByOne;
  private final Map<Integer, Integer> seen = new HashMap<>();
  private final Map<Tape.Key, Graph> graphs = new LinkedHashMap<>(MOST_GRAPHS, 0.75f, true);
  private TapeReader reader = (_, _) -> {};
  private boolean running;
  private boolean putting;

  /** Where on the tape the operation is that is put into the stream next, or done next. */
  private int position;

  private long waitedNanos;
  private long graphSteps;
  private long captured;

  /**
   * A machine for one backend.
   *
   * @param oneByOne whether it waits for every operation, and never makes graphs
   */
  StepMachine(
      Device device,
      Kernels kernels,
      Products products,
      List<CudaWeight> weights,
      StepInput input,
      Stream stream,
      boolean oneByOne) {
    this.device = device;
    this.kernels = kernels;
    this.products = products;
    this.weights = weights;
    this.input = input;
    this.stream = stream;
    this.oneByOne = oneByOne;
  }

  /** Sees a tape before it runs, and the input that its launches name bytes of. */
  interface TapeReader {
    void read(Tape tape, StepInput input);
  }

  /** Lets every tape be seen from now on. */
  void readBy(TapeReader other) {
    reader = other;
  }

  /** Forgets what was written down. */
  void clear() {
    tape.clear();
    launch.clear();
    running = false;
    putting = false;
  }

  /**
   * Writes a launch down, whose arguments are to be added.
   *
   * @throws IllegalStateException if the launch before lacks some of its own
   */
  Launch launch(DeviceOp op, int gridX, int gridY) {
    return launch(op, gridX, gridY, THREADS);
  }

  Launch launch(DeviceOp op, int gridX, int gridY, int threads) {
    return launch(op, gridX, gridY, threads, 0);
  }

  Launch launch(DeviceOp op, int gridX, int gridY, int threads, int sharedBytes) {
    return launch.begin(op, gridX, gridY, threads, sharedBytes);
  }

  /** Writes down the launch of a kernel that there is one of for each size of heads. */
  Launch launchSized(
      DeviceOp op, int headSize, int gridX, int gridY, int threads, int sharedBytes) {
    return launch.begin(op, headSize, gridX, gridY, threads, sharedBytes);
  }

  /** Writes a product down, see {@link Products#multiply}. */
  void product(
      CudaWeight w,
      int firstRow,
      int columns,
      long bias,
      long x,
      int xStride,
      int rows,
      long out,
      int outStride,
      Precision outPrecision,
      boolean add) {
    launch.end();
    tape.add(Tape.PRODUCT)
        .add(w.index())
        .add(firstRow)
        .add(columns)
        .add(x)
        .add(xStride)
        .add(rows)
        .add(out)
        .add(outStride)
        .add((add ? ADD : 0) | (outPrecision == Precision.F32 ? F32_RESULT : 0))
        .add(bias);
  }

  /** Ends the body: what follows depends on how many rows are asked for. */
  void beginTail() {
    launch.end();
    tape.mark();
  }

  /** How many blocks share a row, so that few rows keep the device busy too. */
  int blocksOfRow(int rows, int columns, int elementBytes) {
    int useful = Math.ceilDiv(columns * elementBytes, THREADS * PACK_BYTES);
    int wanted = BLOCKS_PER_MULTIPROCESSOR * device.multiprocessors() / rows;
    return Math.clamp(wanted, 1, useful);
  }

  /** Runs the tape and copies its results, if any, to the host; done when this returns. */
  void run(DeviceMemory results, PinnedMemory host, long bytes) {
    launch.end();
    reader.read(tape, input);
    begin();
    int end = tape.length();
    int tail = tape.second();
    if (oneByOne) {
      put(0, end);
      copy(results, host, bytes);
    } else {
      if (part(tape.first(input.address()), 1, () -> put(0, tail))) {
        graphSteps++;
      }
      position = tail;
      Tape.Key key =
          tape.second(input.address(), results.address(), host.segment().address(), bytes);
      if (key.isEmpty()) {
        copy(results, host, bytes);
      } else {
        boolean _ =
            part(
                key,
                TAIL_RUNS - 1,
                () -> {
                  put(tail, end);
                  copy(results, host, bytes);
                });
      }
    }
    await();
    clear();
  }

  /**
   * Runs a part of the tape.
   *
   * @param runs how often it has run before it is recorded
   * @return whether it runs as a graph
   */
  private boolean part(Tape.Key key, int runs, Runnable put) {
    @Nullable Graph graph = graphs.get(key);
    if (graph == null && seen.getOrDefault(key.hashCode(), 0) >= runs) {
      graph = Graph.capture(stream, put);
      captured++;
      graphs.put(key.copy(), graph);
      forgetOldest();
    }
    if (graph == null) {
      put.run();
      if (seen.size() == MOST_SEEN) {
        seen.clear();
      }
      seen.merge(key.hashCode(), 1, Integer::sum);
      return false;
    }
    graph.launch(stream);
    return true;
  }

  /** Brings the step's input to the device. */
  private void begin() {
    running = true;
    position = 0;
    input.upload(stream);
  }

  private void await() {
    long from = System.nanoTime();
    stream.synchronize();
    waitedNanos += System.nanoTime() - from;
  }

  /** Nanoseconds in which nothing was left to do but to wait for the device. */
  long waitedNanos() {
    return waitedNanos;
  }

  /** Steps whose body ran as a graph. */
  long graphSteps() {
    return graphSteps;
  }

  /** Graphs that were recorded. */
  long captured() {
    return captured;
  }

  private void forgetOldest() {
    if (graphs.size() > MOST_GRAPHS) {
      Map.Entry<Tape.Key, Graph> oldest = graphs.entrySet().iterator().next();
      graphs.remove(oldest.getKey());
      oldest.getValue().close();
    }
  }

  private void copy(DeviceMemory results, PinnedMemory host, long bytes) {
    if (bytes > 0) {
      results.copyTo(host, 0, 0, bytes, stream);
    }
  }

  /** Runs a tape that leaves its results where they are. */
  void runOnce() {
    launch.end();
    reader.read(tape, input);
    begin();
    put(0, tape.length());
    await();
    clear();
  }

  private void put(int from, int to) {
    putting = true;
    for (position = from; position < to; ) {
      int next =
          isLaunch(position)
              ? Launch.put(tape, position, kernels, input.address(), position > from, stream)
              : putProduct(position);
      if (oneByOne) {
        stream.synchronize();
      }
      position = next;
    }
    putting = false;
  }

  private int putProduct(int at) {
    CudaWeight w = weights.get((int) tape.word(at + 1));
    int flags = (int) tape.word(at + 9);
    products.multiply(
        w,
        (int) tape.word(at + 2),
        (int) tape.word(at + 3),
        tape.word(at + 10),
        tape.word(at + 4),
        (int) tape.word(at + 5),
        (int) tape.word(at + 6),
        tape.word(at + 7),
        (int) tape.word(at + 8),
        (flags & F32_RESULT) != 0 ? Precision.F32 : Precision.BF16,
        (flags & ADD) != 0);
    return at + PRODUCT_WORDS;
  }

  private boolean isLaunch(int at) {
    return tape.word(at) == Tape.KERNEL;
  }

  private int next(int at) {
    return isLaunch(at) ? Launch.next(tape, at) : at + PRODUCT_WORDS;
  }

  private String name(int at) {
    if (isLaunch(at)) {
      return Launch.op(tape, at).kernel();
    }
    CudaWeight w = weights.get((int) tape.word(at + 1));
    return "product with a weight of " + w.rows() + " x " + w.columns();
  }

  /**
   * After a failure, what failed, for a message; empty if nothing was running. It is one operation
   * if its call was refused, or if they run one by one; otherwise all that is known is that it was
   * one of the step's.
   */
  String failed() {
    boolean refused = running && isIdle(); // nothing has failed but what was about to run
    if (!running || (refused && !putting)) {
      return "";
    }
    int all = 0;
    int number = 0;
    String name = "";
    for (int at = 0; at < tape.length(); at = next(at)) {
      all++;
      if (at == position) {
        number = all;
        name = name(at);
      }
    }
    if (!refused && !oneByOne) {
      return "one of its %d operations, which --audit names: ".formatted(all);
    }
    return number == 0
        ? "copying the results: "
        : "%s, operation %d of %d: ".formatted(name, number, all);
  }

  /** Whether all that was put into the stream is done, and none of it failed. */
  boolean isIdle() {
    try {
      stream.synchronize();
      return true;
    } catch (CudaException e) {
      return false;
    }
  }

  @Override
  public void close() {
    Release.all(List.copyOf(graphs.values()));
    graphs.clear();
  }
}
