package dev.palimpsest.engine.backend.cuda;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.IntFunction;

/**
 * What the operations on a tape move and compute, from the arguments of their launches and the
 * shapes of their products. Bytes are those that have to come from the device's memory or go there
 * once; what a cache gives again is not counted.
 */
final class StepCosts implements StepMachine.TapeReader {
  private static final double BF16 = Short.BYTES;
  private static final double F32 = Float.BYTES;
  private static final int ITEM_BYTES = 16;
  private static final int SEGMENT = 256;
  private static final int STATE_PADDING = 4;
  private static final int DRAW_BYTES = 40;
  private static final int STATE_BYTES = 48;
  private static final int RESULT_BYTES = 64;

  private final int headSize;
  private final IntFunction<CudaWeight> weights;
  private List<Operation> last = List.of();

  /**
   * Costs of a model in bf16.
   *
   * @param weights by their index
   */
  StepCosts(int headSize, IntFunction<CudaWeight> weights) {
    this.headSize = headSize;
    this.weights = weights;
  }

  /** What an operation counts as. */
  enum Kind {
    /** A product with weights. */
    PRODUCT,
    ATTENTION,
    OTHER
  }

  /**
   * An operation.
   *
   * @param name it has in a table
   * @param rows that its first matrix has
   * @param weightBytes of its bytes, those of the model's weights
   * @param seconds that it is predicted to take
   */
  record Operation(
      String name,
      Kind kind,
      long rows,
      double weightBytes,
      double otherBytes,
      double flop,
      double seconds) {
    double floor() {
      return Card.floor(weightBytes + otherBytes, flop);
    }
  }

  /** The operations of the tape that was seen last. */
  List<Operation> last() {
    return last;
  }

  @Override
  public void read(Tape tape, StepInput input) {
    List<Operation> all = new ArrayList<>();
    int entries = 0;
    int at = 0;
    while (at < tape.length()) {
      if (tape.word(at) == Tape.PRODUCT) {
        all.add(product(tape, at));
        at += StepMachine.PRODUCT_WORDS;
      } else {
        LaunchArguments launch = new LaunchArguments(tape, at);
        if (launch.op() == DeviceOp.GROUP_EXPERTS) {
          entries = launch.value("entries");
        }
        all.add(launched(launch, input, entries));
        at = Launch.next(tape, at);
      }
    }
    last = List.copyOf(all);
  }

  private Operation product(Tape tape, int at) {
    CudaWeight weight = weights.apply((int) tape.word(at + 1));
    long outputs = tape.word(at + 3);
    long rows = tape.word(at + 6);
    long inputs = weight.columns();
    int flags = (int) tape.word(at + 9);
    double element = CudaWeight.elementBytes(weight.precision());
    double result = (flags & StepMachine.F32_RESULT) != 0 ? F32 : BF16;
    double written = result * rows * outputs * ((flags & StepMachine.ADD) != 0 ? 2 : 1);
    double weightBytes = element * outputs * inputs;
    double biasBytes = tape.word(at + 10) == 0 ? 0 : result * outputs;
    double otherBytes = BF16 * rows * inputs + written + biasBytes;
    return new Operation(
        "product, %d x %d".formatted(outputs, inputs),
        Kind.PRODUCT,
        rows,
        weightBytes,
        otherBytes,
        2.0 * rows * outputs * inputs,
        Card.product(weightBytes + otherBytes, outputs, rows, inputs));
  }

  private Operation launched(LaunchArguments launch, StepInput input, int entries) {
    double rows = launch.gridX();
    return switch (launch.op()) {
      case EMBED -> other(launch, rows * (2 * BF16 * launch.value("columns") + Integer.BYTES));
      case RMS_NORM, ADD_BIAS, SCALE_ROWS, SOFT_CAP ->
          other(launch, (2 * BF16 * rows + F32) * launch.value("columns"));
      case ADD_RMS_NORM -> other(launch, (3 * BF16 * rows + F32) * launch.value("columns"));
      case ROTARY ->
          other(
              launch,
              rows
                  * (2 * BF16 * launch.value("heads") * launch.value("headSize")
                      + F32 * launch.value("rotarySize")));
      case ATTENTION, ATTENTION_SPLIT -> attention(launch, input);
      case ATTENTION_MERGE -> merge(launch, input);
      case SWIGLU, GEGLU -> other(launch, 3 * BF16 * rows * launch.value("columns"));
      case GATHER, MOVE -> other(launch, 2 * BF16 * rows * launch.value("columns"));
      case GUIDE -> other(launch, 3 * BF16 * rows * launch.value("columns"));
      case ROUTER -> router(launch);
      case ROUTE_SOFTMAX, ROUTE_GROUPED ->
          other(launch, rows * (F32 * launch.value("experts") + 2 * F32 * launch.value("chosen")));
      case SCALE_CHOICE -> other(launch, 3 * F32 * launch.value("entries"));
      case GROUP_EXPERTS -> other(launch, 3.0 * Integer.BYTES * launch.value("entries"));
      case EXPERT_LINEAR -> experts(launch, entries);
      case COMBINE, EMBED_SHARES ->
          other(
              launch,
              BF16
                  * rows
                  * launch.value("columns")
                  * (launch.value("chosen") + 1 + launch.value("accumulate")));
      case VOCABULARY_CAP -> other(launch, 2 * F32 * rows * launch.value("columns"));
      case SOFTMAX -> other(launch, (3 * F32 + BF16) * rows * launch.value("ids"));
      case TRANSPOSE ->
          throw new IllegalArgumentException("weights are transposed before a step, not in one");
      case VOCABULARY_SHAPE -> other(launch, 2 * F32 * rows * launch.value("ids"));
      case VOCABULARY_FOLD ->
          other(
              launch,
              rows * (F32 * launch.value("count") + DRAW_BYTES + STATE_BYTES * launch.gridY()));
      case VOCABULARY_FINISH ->
          other(
              launch,
              launch.value("rows")
                  * (DRAW_BYTES + RESULT_BYTES + (double) STATE_BYTES * launch.value("grains")));
      case RANDOM -> throw new IllegalArgumentException("a step draws no random weights");
    };
  }

  private static Operation other(LaunchArguments launch, double bytes) {
    return new Operation(
        launch.op().kernel(),
        Kind.OTHER,
        launch.gridX(),
        0,
        bytes,
        0,
        Card.launch(bytes, launch.blocks(), 0, Card.FLOPS));
  }

  /**
   * What an attention is over.
   *
   * @param queries of all sequences
   * @param pairs of a query and a key that it sees
   * @param keys of all sequences
   * @param blocks of one key head, one an item or one an item and segment
   * @param states that segments leave to their merge, one a query and segment
   */
  private record Seen(long queries, long pairs, long keys, long blocks, long states) {
    static Seen of(LaunchArguments launch, StepInput input) {
      long work = launch.word("work");
      long sequences = launch.word("sequences");
      long limits = launch.word("limits");
      long queries = 0;
      long pairs = 0;
      long keys = 0;
      long blocks = 0;
      long states = 0;
      Set<Integer> seen = new HashSet<>();
      for (int item = 0; item < launch.gridX(); item++) {
        int sequence = input.getInt(work + (long) ITEM_BYTES * item);
        int first = input.getInt(work + (long) ITEM_BYTES * item + 4);
        int count = input.getInt(work + (long) ITEM_BYTES * item + 8);
        if (count == 0) {
          continue;
        }
        long described = sequences + (long) ITEM_BYTES * sequence;
        long own = input.getInt(described + 4) + (long) input.getInt(described + 12);
        long segments = Math.ceilDiv(own, SEGMENT);
        queries += count;
        blocks += launch.op() == DeviceOp.ATTENTION_SPLIT ? segments : 1;
        states += count * segments;
        keys += seen.add(sequence) ? own : 0;
        for (int row = first; row < first + count; row++) {
          pairs +=
              Math.min(input.getInt(limits + (long) Integer.BYTES * row), launch.value("window"));
        }
      }
      return new Seen(queries, pairs, keys, blocks, states);
    }

    double stateBytes(LaunchArguments launch, int headSize) {
      return F32 * states * launch.value("heads") * (headSize + STATE_PADDING);
    }
  }

  /** Every query's own numbers, and each sequence's keys and values once. */
  private Operation attention(LaunchArguments launch, StepInput input) {
    Seen seen = Seen.of(launch, input);
    double rowBytes = BF16 * headSize;
    double queryBytes = rowBytes * seen.queries * launch.value("heads");
    double resultBytes =
        launch.op() == DeviceOp.ATTENTION_SPLIT ? seen.stateBytes(launch, headSize) : queryBytes;
    double bytes = 2 * rowBytes * seen.keys * launch.value("kvHeads") + queryBytes + resultBytes;
    double flop = 4.0 * headSize * seen.pairs * launch.value("heads");
    return new Operation(
        launch.op().kernel(),
        Kind.ATTENTION,
        seen.queries,
        0,
        bytes,
        flop,
        Card.launch(bytes, seen.blocks * launch.value("kvHeads"), flop, Card.ATTENTION_FLOPS));
  }

  private Operation merge(LaunchArguments launch, StepInput input) {
    Seen seen = Seen.of(launch, input);
    double bytes =
        seen.stateBytes(launch, headSize) + BF16 * headSize * seen.queries * launch.value("heads");
    return new Operation(
        launch.op().kernel(),
        Kind.OTHER,
        seen.queries,
        0,
        bytes,
        0,
        Card.launch(bytes, seen.blocks * launch.value("kvHeads"), 0, Card.FLOPS));
  }

  private static Operation router(LaunchArguments launch) {
    double rows = launch.value("rows");
    double inputs = launch.value("inputs");
    double experts = launch.value("experts");
    double weightBytes = F32 * experts * inputs;
    double otherBytes = rows * (BF16 * inputs + F32 * experts);
    double flop = 2 * rows * experts * inputs;
    return new Operation(
        launch.op().kernel(),
        Kind.PRODUCT,
        launch.value("rows"),
        weightBytes,
        otherBytes,
        flop,
        Card.launch(weightBytes + otherBytes, launch.blocks(), flop, Card.ROUTER_FLOPS));
  }

  /**
   * The products of a mixture's experts, of which those are read that any row chooses, if every
   * choice is as likely as every other: {@code entries} of them that are drawn one by one.
   */
  private static Operation experts(LaunchArguments launch, int entries) {
    double experts = launch.value("experts");
    double outputs = launch.value("outputs");
    double inputs = launch.value("inputs");
    double read = experts * (1 - StrictMath.pow(1 - 1 / experts, entries));
    double weightBytes = BF16 * read * outputs * inputs;
    double otherBytes = BF16 * entries * (inputs + outputs);
    double flop = 2.0 * entries * outputs * inputs;
    return new Operation(
        launch.op().kernel(),
        Kind.PRODUCT,
        entries,
        weightBytes,
        otherBytes,
        flop,
        Card.launch(
            weightBytes + otherBytes, Math.round(read) * launch.gridY(), flop, Card.EXPERT_FLOPS));
  }
}
