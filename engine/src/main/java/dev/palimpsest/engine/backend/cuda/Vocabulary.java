package dev.palimpsest.engine.backend.cuda;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.palimpsest.bindings.cuda.DeviceMemory;
import dev.palimpsest.bindings.cuda.PinnedMemory;
import dev.palimpsest.bindings.cuda.Stream;
import dev.palimpsest.engine.backend.RowDraw;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.step.Prediction;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.OptionalDouble;

/**
 * The head and the reduction of its logits: products over chunks of the vocabulary into a bounded
 * scratch, each folded into what is known of the rows.
 *
 * <p>Chunks are whole grains of {@value #GRAIN} ids, each of which a block folds by itself, so a
 * row's bits do not depend on how many rows there are. If any row has a filter, rows come whole, as
 * many at a time as the scratch holds: what a filter keeps is known only when every logit is.
 */
final class Vocabulary implements AutoCloseable {
  private static final int RESULT_BYTES = 64;

  /** The bytes of a result with the shift of a filtered row. */
  private static final long MOST_RESULT_BYTES = RESULT_BYTES + Double.BYTES;

  private static final int STATE_BYTES = 48;
  private static final int GRAIN = 4096;
  private static final int MOST_ROWS = 4096;
  private static final long SCRATCH_ELEMENTS = 4L * GRAIN * MOST_ROWS;
  private static final int FINISHED_ROWS = 8;
  private static final int FIRST_ROWS = 256;
  private static final int NAN_WORD = -1;
  private static final int STRIDE_ELEMENTS = 16;
  private static final int ROW_STEP = 8;

  private final StepInput input;
  private DeviceMemory scratch = DeviceMemory.allocate(Float.BYTES);
  private DeviceMemory states = DeviceMemory.allocate(STATE_BYTES);
  private DeviceMemory results = DeviceMemory.allocate(MOST_RESULT_BYTES * FIRST_ROWS);
  private PinnedMemory pinned = PinnedMemory.allocate(MOST_RESULT_BYTES * FIRST_ROWS);
  private long resultBytes;
  private long shifts;

  Vocabulary(StepInput input) {
    this.input = input;
  }

  /** Puts the reduction of {@code x · headᵀ} on the tape. */
  void put(
      long x,
      int stride,
      CudaWeight head,
      OptionalDouble cap,
      List<RowDraw> draws,
      StepMachine machine) {
    int rows = RowBuckets.padded(draws.size());
    int width = stridden(head.rows());
    boolean filtered = draws.stream().anyMatch(each -> each.draw().filter().isPresent());
    int most = filtered ? wholeRows(rows, width) : Math.min(rows, MOST_ROWS);
    int grains = grains(head.rows());
    makeRoom(rows, most, filtered ? width : chunk(most, width), grains);
    DrawInput drawn = DrawInput.of(draws, rows, head.rows(), filtered, input);
    shifts = filtered ? (long) RESULT_BYTES * rows : 0;
    for (int first = 0; first < rows; first += most) {
      int count = Math.min(most, rows - first);
      int chunk = filtered ? width : chunk(count, width);
      long from = x + CudaWeight.elementBytes(head.precision()) * first * stride;
      long drawsAt = drawn.draws() + (long) DrawInput.BYTES * first;
      for (int id = 0; id < head.rows(); id += chunk) {
        int ids = Math.min(chunk, head.rows() - id);
        machine.product(
            head, id, ids, 0, from, stride, count, scratch.address(), chunk, Precision.F32, false);
        cap(machine, scratch.address(), chunk, count, ids, cap);
        if (filtered) {
          machine
              .launch(DeviceOp.VOCABULARY_SHAPE, count, 1)
              .address(scratch.address())
              .value(chunk)
              .value(ids)
              .input(drawn.filters() + (long) DrawInput.FILTER_BYTES * first)
              .input(drawn.idLists())
              .address(results.address() + shifts + (long) Double.BYTES * first);
        }
        machine
            .launch(DeviceOp.VOCABULARY_FOLD, count, grains(ids))
            .address(scratch.address())
            .value(chunk)
            .value(id)
            .value(ids)
            .input(drawsAt)
            .input(drawn.idLists())
            .value(grains)
            .address(states.address());
      }
      machine
          .launch(DeviceOp.VOCABULARY_FINISH, Math.ceilDiv(count, FINISHED_ROWS), 1)
          .address(states.address())
          .value(grains)
          .input(drawsAt)
          .input(drawn.idLists())
          .address(results.address() + (long) RESULT_BYTES * first)
          .value(count);
    }
    resultBytes = (long) (filtered ? RESULT_BYTES + Double.BYTES : RESULT_BYTES) * rows;
  }

  /** Writes down the cap of logits, if there is one. */
  static void cap(
      StepMachine machine, long logits, int stride, int rows, int ids, OptionalDouble cap) {
    if (cap.isPresent()) {
      machine
          .launch(DeviceOp.VOCABULARY_CAP, rows, machine.blocksOfRow(rows, ids, Float.BYTES))
          .address(logits)
          .value(stride)
          .value((float) cap.getAsDouble())
          .value(ids);
    }
  }

  /**
   * A row's result, when it has come back.
   *
   * @throws ArithmeticException if its logits were not finite, or nothing could be drawn
   */
  Prediction result(int row) {
    MemorySegment all = pinned.segment();
    long at = (long) RESULT_BYTES * row;
    double logSumExp = all.get(JAVA_DOUBLE, at + 24);
    int argmax = all.get(JAVA_INT, at + 60);
    if (!Double.isFinite(logSumExp) || argmax < 0) {
      throw new ArithmeticException(
          "a row of logits has the maximum "
              + all.get(JAVA_DOUBLE, at + 40)
              + " and the softmax sum "
              + all.get(JAVA_DOUBLE, at + 48)
              + " where finite numbers are expected: the model's weights are damaged, or no id may be"
              + " drawn");
    }
    return new Prediction(
        all.get(JAVA_INT, at + 56),
        all.get(JAVA_DOUBLE, at),
        argmax,
        all.get(JAVA_DOUBLE, at + 8),
        all.get(JAVA_DOUBLE, at + 16),
        logSumExp + shift(row),
        all.get(JAVA_DOUBLE, at + 32));
  }

  /** By how much a filter has moved the logarithm of a row's softmax sum. */
  double shift(int row) {
    return shifts > 0 ? pinned.segment().get(JAVA_DOUBLE, shifts + (long) Double.BYTES * row) : 0;
  }

  /** How many rows of whole logits the scratch holds. */
  private static int wholeRows(int rows, int width) {
    long fitting = SCRATCH_ELEMENTS / width / ROW_STEP * ROW_STEP;
    return Math.toIntExact(Math.clamp(fitting, ROW_STEP, Math.min(rows, MOST_ROWS)));
  }

  /** Ids of one product: all of them, or the whole grains that fit into the scratch. */
  private static int chunk(int rows, int width) {
    long fitting = SCRATCH_ELEMENTS / rows;
    return fitting >= width ? width : Math.toIntExact(fitting / GRAIN * GRAIN);
  }

  private static int grains(int ids) {
    return Math.ceilDiv(ids, GRAIN);
  }

  static int stridden(int ids) {
    return Math.ceilDiv(ids, STRIDE_ELEMENTS) * STRIDE_ELEMENTS;
  }

  /** Bytes that the reduction of so many rows takes. */
  static long bytes(int rows, int ids) {
    int width = stridden(ids);
    int most = Math.min(rows, MOST_ROWS);
    long elements =
        Math.max((long) most * chunk(most, width), (long) wholeRows(rows, width) * width);
    return Float.BYTES * elements
        + (long) STATE_BYTES * grains(ids) * most
        + MOST_RESULT_BYTES * Math.max(FIRST_ROWS, rows);
  }

  private void makeRoom(int rows, int scratchRows, int width, int grains) {
    long needed = (long) Float.BYTES * scratchRows * width;
    if (scratch.bytes() < needed) {
      scratch.close();
      scratch = DeviceMemory.none();
      scratch = DeviceMemory.allocate(needed);
    }
    long stateBytes = (long) STATE_BYTES * grains * scratchRows;
    if (states.bytes() < stateBytes) {
      states.close();
      states = DeviceMemory.none();
      states = DeviceMemory.allocate(stateBytes);
    }
    if (results.bytes() < MOST_RESULT_BYTES * rows) {
      results.close();
      results = DeviceMemory.none();
      results = DeviceMemory.allocate(MOST_RESULT_BYTES * rows);
    }
    if (pinned.segment().byteSize() < MOST_RESULT_BYTES * rows) {
      PinnedMemory larger = PinnedMemory.allocate(MOST_RESULT_BYTES * rows);
      pinned.close();
      pinned = larger;
    }
  }

  /** Fills what steps share with NaN. */
  void poison(Stream stream) {
    for (DeviceMemory each : List.of(scratch, states, results)) {
      each.fill(NAN_WORD, 0, each.bytes() / Integer.BYTES, stream);
    }
  }

  DeviceMemory results() {
    return results;
  }

  PinnedMemory pinned() {
    return pinned;
  }

  long resultBytes() {
    return resultBytes;
  }

  @Override
  public void close() {
    Release.all(List.of(scratch, states, results, pinned));
  }
}
