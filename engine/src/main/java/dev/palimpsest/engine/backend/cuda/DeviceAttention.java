package dev.palimpsest.engine.backend.cuda;

import dev.palimpsest.bindings.cuda.DeviceMemory;
import dev.palimpsest.bindings.cuda.Stream;
import dev.palimpsest.engine.device.Precision;

/**
 * Attention in one launch, a block going over all keys of its queries; or, where that would keep
 * too few multiprocessors busy, in two: a block for each segment of keys, and the merge of what
 * they leave. The bits are the same. Its memory serves one layer after another.
 */
final class DeviceAttention implements AutoCloseable {
  /** Memory for what segments leave to their merge; where they need more, no block is cut. */
  static final long BYTES = 32L << 20;

  /** Two run at once, and the last of several rounds may be half empty. */
  private static final int ENOUGH_BLOCKS_PER_MULTIPROCESSOR = 4;

  private static final int MERGE_THREADS = 256;
  private static final int STATE_PADDING = 4;
  private static final int NAN_WORD = -1;

  private final StepMachine machine;
  private final Precision precision;
  private final int threads;
  private final int enoughBlocks;
  private final DeviceMemory memory = DeviceMemory.allocate(BYTES);

  /** Attention of one model. */
  DeviceAttention(StepMachine machine, Precision precision, int multiprocessors) {
    this.machine = machine;
    this.precision = precision;
    threads =
        switch (precision) {
          case BF16 -> 128;
          case F32 -> 256;
        };
    enoughBlocks = ENOUGH_BLOCKS_PER_MULTIPROCESSOR * multiprocessors;
  }

  /** A matrix on the device. */
  record Rows(long address, int stride) {}

  /**
   * How rows are cut into heads.
   *
   * @param count of a query's row
   * @param keys of a key's row
   */
  record Heads(int count, int keys, int size) {}

  /**
   * Where cached keys and values lie.
   *
   * @param slots byte of the step's input
   */
  record Cached(long keys, long values, long slots, int stride) {
    static final Cached NONE = new Cached(0, 0, 0, 0);
  }

  /** Fills its memory with NaN. */
  void poison(Stream stream) {
    memory.fill(NAN_WORD, 0, memory.bytes() / Integer.BYTES, stream);
  }

  /**
   * Writes down an attention.
   *
   * @param limits byte of the step's input: how many leading keys a query row sees
   * @param window how many of these it sees at most, the last ones
   */
  void put(
      Rows q,
      Rows k,
      Rows v,
      Heads heads,
      AttentionWork work,
      long limits,
      Cached cached,
      int window,
      Rows out) {
    long stateBytes =
        (long) Float.BYTES * work.stateRows() * heads.count() * (heads.size() + STATE_PADDING);
    boolean isSplit =
        work.segments() > 1 && work.items() * heads.keys() < enoughBlocks && stateBytes <= BYTES;
    Launch launch =
        machine
            .launchSized(
                isSplit ? DeviceOp.ATTENTION_SPLIT : DeviceOp.ATTENTION,
                heads.size(),
                work.items(),
                isSplit ? work.segments() * heads.keys() : heads.keys(),
                threads,
                Kernels.sharedBytes(precision, heads.size()))
            .address(q.address())
            .value(q.stride())
            .address(k.address())
            .value(k.stride())
            .address(v.address())
            .value(v.stride());
    if (isSplit) {
      launch.address(memory.address());
    } else {
      launch.address(out.address()).value(out.stride());
    }
    launch
        .value(heads.count())
        .value(heads.keys())
        .input(work.work())
        .input(work.sequences())
        .input(limits)
        .address(cached.keys())
        .address(cached.values())
        .input(cached.slots())
        .value(cached.stride())
        .value(window);
    if (isSplit) {
      machine
          .launch(DeviceOp.ATTENTION_MERGE, work.items(), heads.keys(), MERGE_THREADS)
          .address(memory.address())
          .address(out.address())
          .value(out.stride())
          .value(heads.count())
          .value(heads.keys())
          .value(heads.size())
          .input(work.work())
          .input(work.sequences())
          .input(limits)
          .value(window);
    }
  }

  @Override
  public void close() {
    memory.close();
  }
}
