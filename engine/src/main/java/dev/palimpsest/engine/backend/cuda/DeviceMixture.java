package dev.palimpsest.engine.backend.cuda;

import dev.palimpsest.bindings.cuda.DeviceMemory;
import dev.palimpsest.bindings.cuda.Stream;
import dev.palimpsest.engine.backend.ExpertWeights;
import dev.palimpsest.engine.device.DeviceException;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.engine.model.Experts;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.engine.model.Router;
import java.util.ArrayList;
import java.util.List;

/**
 * A mixture of experts: rows are sorted by expert on the device, so the host never learns what was
 * chosen, and every launch is as large as the worst choice needs.
 *
 * <p>Its memory serves one layer after another. When it grows, what was written down before still
 * names the memory that it had, which is therefore kept until the next step.
 */
final class DeviceMixture implements AutoCloseable {
  private static final int WARP = 32;
  private static final int ROUTER_ROWS = 32;
  private static final int FMA_THREADS = 256;
  private static final int SCALED_THREADS = 256;
  private static final int MOST_EXPERTS = 512;
  private static final int MOST_CHOSEN = 32;
  private static final int MOST_GROUPS = 32;
  private static final int BF16_MULTIPLE = 8;
  private static final int ALIGNMENT = 256;
  private static final int NAN_WORD = -1;

  private final StepInput input;
  private final StepMachine machine;
  private final Precision precision;
  private final Tiles tiles;
  private final List<DeviceMemory> outgrown = new ArrayList<>();
  private DeviceMemory memory = DeviceMemory.allocate(Float.BYTES);

  /** The number of rows of the last layer but padding: the same object for all with as many. */
  private int[] routed = {0};

  DeviceMixture(StepInput input, StepMachine machine, Precision precision) {
    this.input = input;
    this.machine = machine;
    this.precision = precision;
    tiles =
        switch (precision) {
          case BF16 -> new Tiles(64, 128, 128, 46_080, 32);
          case F32 -> new Tiles(32, 64, FMA_THREADS, 0, 64);
        };
  }

  /**
   * How {@code expert_linear} is launched.
   *
   * @param routed experts that a block of the router has
   */
  private record Tiles(int rows, int columns, int threads, int sharedBytes, int routed) {
    /** Tiles that entries in groups take at most. */
    int most(int entries, int experts) {
      long used = Math.min(entries, experts);
      return Math.toIntExact((entries + used * (rows - 1)) / rows);
    }
  }

  /** A matrix on the device. */
  record Rows(long address, int stride) {}

  /**
   * Checks that there are kernels for a model's experts.
   *
   * @throws DeviceException if there are none
   */
  static void require(ModelSpec spec, Experts experts, Precision precision) {
    requireAtMost(experts.count(), MOST_EXPERTS, "experts of a layer");
    requireAtMost(experts.perToken(), MOST_CHOSEN, "experts of a token");
    if (experts.router() instanceof Router.GroupedSigmoid router) {
      requireAtMost(router.groups(), MOST_GROUPS, "groups of experts");
    }
    for (int width : new int[] {spec.hidden(), experts.width()}) {
      if (precision == Precision.BF16 && width % BF16_MULTIPLE != 0) {
        throw new DeviceException(
            "experts between rows of "
                + width
                + " are not supported on a GPU in bf16, where widths are multiples of "
                + BF16_MULTIPLE);
      }
    }
  }

  private static void requireAtMost(int count, int most, String what) {
    if (count > most) {
      throw new DeviceException(
          count + " " + what + " are not supported on a GPU, where at most " + most + " are");
    }
  }

  /** Begins a step: nothing that was written down before is run again but from a graph. */
  void begin() {
    Release.all(outgrown);
    outgrown.clear();
  }

  /** Fills its memory with NaN. */
  void poison(Stream stream) {
    memory.fill(NAN_WORD, 0, memory.bytes() / Integer.BYTES, stream);
  }

  /**
   * Writes down {@code sum = sum + Σ weight · expert(x)}.
   *
   * @param from what the router multiplies
   * @param tokens rows of {@code x} and {@code sum} without padding, for which experts are chosen
   * @param outputs dense, [rows · experts per token, hidden]
   * @param adds whether there is a sum already
   */
  void put(
      Rows from,
      Rows x,
      int tokens,
      CudaWeight router,
      Experts experts,
      ExpertWeights all,
      long outputs,
      boolean adds,
      Rows sum) {
    int rows = RowBuckets.padded(tokens);
    if (routed[0] != tokens) {
      routed = new int[] {tokens};
    }
    int chosen = experts.perToken();
    int entries = rows * chosen;
    int hidden = router.columns();
    int width = experts.width();
    Room room = room(rows, experts);
    putRouting(from, rows, router, experts, all, room);
    machine
        .launch(DeviceOp.GROUP_EXPERTS, experts.count(), 1)
        .address(room.ids())
        .value(entries)
        .value(chosen)
        .value(experts.count())
        .address(room.offsets())
        .address(room.groupRows())
        .address(room.slots());
    CudaWeight gateUp = (CudaWeight) all.gateUp();
    CudaWeight down = (CudaWeight) all.down();
    putProduct(x, room.groupRows(), room, entries, experts, gateUp, room.gateUp());
    machine
        .launch(gated(experts), entries, blocksOfRow(entries, width))
        .address(room.gateUp())
        .value(2 * width)
        .address(room.activated())
        .value(width)
        .value(width);
    putProduct(new Rows(room.activated(), width), 0, room, entries, experts, down, outputs);
    machine
        .launch(DeviceOp.COMBINE, rows, blocksOfRow(rows, hidden))
        .address(outputs)
        .value(hidden)
        .address(room.slots())
        .address(room.weights())
        .value(chosen)
        .address(sum.address())
        .value(sum.stride())
        .value(hidden)
        .value(adds ? 1 : 0);
  }

  private static DeviceOp gated(Experts experts) {
    return switch (experts.gate()) {
      case SILU -> DeviceOp.SWIGLU;
      case TANH_GELU -> DeviceOp.GEGLU;
    };
  }

  private void putRouting(
      Rows x, int rows, CudaWeight router, Experts experts, ExpertWeights all, Room room) {
    int count = experts.count();
    machine
        .launch(
            DeviceOp.ROUTER,
            Math.ceilDiv(rows, ROUTER_ROWS),
            Math.ceilDiv(count, tiles.routed()),
            FMA_THREADS)
        .address(x.address())
        .value(x.stride())
        .value(rows)
        .address(router.address())
        .value(count)
        .value(router.columns())
        .address(room.scores())
        .value(count);
    switch (experts.router()) {
      case Router.Softmax softmax -> putSoftmax(rows, experts, softmax.normalized(), room);
      case Router.ScaledSoftmax _ -> {
        putSoftmax(rows, experts, true, room);
        int entries = rows * experts.perToken();
        machine
            .launch(DeviceOp.SCALE_CHOICE, Math.ceilDiv(entries, SCALED_THREADS), 1)
            .address(room.ids())
            .address(((CudaWeight) all.scale().orElseThrow()).address())
            .address(room.weights())
            .value(entries);
      }
      case Router.GroupedSigmoid grouped ->
          machine
              .launch(DeviceOp.ROUTE_GROUPED, rows, 1, WARP)
              .address(room.scores())
              .value(count)
              .input(input.put(routed, 1, 0))
              .address(all.bias().map(bias -> ((CudaWeight) bias).address()).orElse(0L))
              .value(count)
              .value(grouped.groups())
              .value(grouped.keptGroups())
              .value(experts.perToken())
              .value((float) grouped.scale())
              .address(room.ids())
              .address(room.weights());
    }
  }

  private void putSoftmax(int rows, Experts experts, boolean isNormalized, Room room) {
    machine
        .launch(DeviceOp.ROUTE_SOFTMAX, rows, 1, WARP)
        .address(room.scores())
        .value(experts.count())
        .input(input.put(routed, 1, 0))
        .value(experts.count())
        .value(experts.perToken())
        .value(isNormalized ? 1 : 0)
        .address(room.ids())
        .address(room.weights());
  }

  /**
   * Writes down the products of all experts.
   *
   * @param groupRows where the rows of {@code x} that are multiplied are named; 0: each in its turn
   */
  private void putProduct(
      Rows x, long groupRows, Room room, int entries, Experts experts, CudaWeight w, long out) {
    int outputs = w.rows() / experts.count();
    machine
        .launch(
            DeviceOp.EXPERT_LINEAR,
            tiles.most(entries, experts.count()),
            Math.ceilDiv(outputs, tiles.columns()),
            tiles.threads(),
            tiles.sharedBytes())
        .address(x.address())
        .value(x.stride())
        .address(groupRows)
        .address(room.offsets())
        .value(experts.count())
        .address(w.address())
        .value(outputs)
        .value(w.columns())
        .address(out)
        .value(outputs);
  }

  private int blocksOfRow(int rows, int columns) {
    return machine.blocksOfRow(rows, columns, (int) CudaWeight.elementBytes(precision));
  }

  /**
   * Where everything of one layer lies.
   *
   * @param scores [rows, experts] in f32
   * @param ids [rows, chosen]
   * @param weights [rows, chosen]
   * @param offsets [experts + 1]
   * @param groupRows [rows · chosen]
   * @param slots [rows, chosen]
   * @param gateUp [rows · chosen, 2 · width]
   * @param activated [rows · chosen, width]
   * @param end the first byte behind all of it
   */
  private record Room(
      long scores,
      long ids,
      long weights,
      long offsets,
      long groupRows,
      long slots,
      long gateUp,
      long activated,
      long end) {

    static Room at(long address, int rows, Experts experts, long elementBytes) {
      long entries = (long) rows * experts.perToken();
      long ids = behind(address, (long) Float.BYTES * rows * experts.count());
      long weights = behind(ids, Integer.BYTES * entries);
      long offsets = behind(weights, Float.BYTES * entries);
      long groupRows = behind(offsets, Integer.BYTES * (experts.count() + 1L));
      long slots = behind(groupRows, Integer.BYTES * entries);
      long gateUp = behind(slots, Integer.BYTES * entries);
      long activated = behind(gateUp, 2 * elementBytes * entries * experts.width());
      long end = behind(activated, elementBytes * entries * experts.width());
      return new Room(address, ids, weights, offsets, groupRows, slots, gateUp, activated, end);
    }

    private static long behind(long start, long bytes) {
      return start + Math.ceilDiv(bytes, ALIGNMENT) * ALIGNMENT;
    }
  }

  /** Bytes of a step over so many rows, beside the outputs. */
  static long bytes(int rows, Experts experts, Precision precision) {
    return Room.at(0, rows, experts, CudaWeight.elementBytes(precision)).end();
  }

  private Room room(int rows, Experts experts) {
    long elementBytes = CudaWeight.elementBytes(precision);
    long needed = bytes(rows, experts, precision);
    if (memory.bytes() < needed) {
      DeviceMemory larger = DeviceMemory.allocate(needed);
      outgrown.add(memory);
      memory = larger;
    }
    return Room.at(memory.address(), rows, experts, elementBytes);
  }

  @Override
  public void close() {
    begin();
    Release.one(memory);
  }
}
