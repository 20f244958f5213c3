package dev.palimpsest.engine.backend.cuda;

import dev.palimpsest.bindings.cuda.DeviceMemory;
import dev.palimpsest.bindings.cuda.PinnedMemory;
import dev.palimpsest.bindings.cuda.Stream;
import dev.palimpsest.engine.backend.Precision;
import dev.palimpsest.engine.backend.RowDraw;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The head and the reduction of its logits: products over chunks of the vocabulary into a bounded
 * scratch, each folded into what is known of the rows.
 *
 * <p>Chunks are whole grains of {@value #GRAIN} ids, the unit in which the kernel folds, so a row's
 * bits do not depend on how many rows there are.
 */
final class Vocabulary implements AutoCloseable {
  /** The size of a row's result. */
  static final int RESULT_BYTES = 64;

  private static final int STATE_BYTES = 48;
  private static final int GRAIN = 16_384;
  private static final int MOST_ROWS = 4096;
  private static final long SCRATCH_ELEMENTS = (long) GRAIN * MOST_ROWS;
  private static final int THREADS = 128;
  private static final int FIRST_ROWS = 256;
  private static final int NAN_WORD = -1;
  private static final long WHOLE_BYTES = 64 << 20;

  /** Rows of logits are whole vectors of any CPU. */
  private static final int STRIDE_ELEMENTS = 16;

  private final StepInput input;
  private DeviceMemory scratch = DeviceMemory.allocate(Float.BYTES);
  private DeviceMemory states = DeviceMemory.allocate((long) STATE_BYTES * FIRST_ROWS);
  private DeviceMemory results = DeviceMemory.allocate((long) RESULT_BYTES * FIRST_ROWS);
  private PinnedMemory pinned = PinnedMemory.allocate((long) RESULT_BYTES * FIRST_ROWS);
  private long resultBytes;
  private @Nullable PinnedMemory logits;

  Vocabulary(StepInput input) {
    this.input = input;
  }

  /** Puts the reduction of {@code x · headᵀ} on the tape. */
  void put(long x, int stride, CudaWeight head, List<RowDraw> draws, StepMachine machine) {
    int rows = RowBuckets.padded(draws.size());
    int width = stridden(head.rows());
    makeRoom(rows, width);
    DrawInput drawn = DrawInput.of(draws, rows, input);
    long elementBytes = CudaWeight.elementBytes(head.precision());
    for (int first = 0; first < rows; first += MOST_ROWS) {
      int count = Math.min(MOST_ROWS, rows - first);
      long drawsAt = drawn.draws() + (long) DrawInput.BYTES * first;
      long statesAt = states.address() + (long) STATE_BYTES * first;
      int chunk = chunk(count, width);
      machine
          .launch(DeviceOp.VOCABULARY_START, Math.ceilDiv(count, THREADS), 1, THREADS)
          .add(statesAt)
          .add(count);
      for (int id = 0; id < head.rows(); id += chunk) {
        int ids = Math.min(chunk, head.rows() - id);
        machine.product(
            head,
            id,
            ids,
            x + elementBytes * first * stride,
            stride,
            count,
            scratch.address(),
            chunk,
            Precision.F32,
            false);
        machine
            .launch(DeviceOp.VOCABULARY_FOLD, count, 1)
            .add(scratch.address())
            .add(chunk)
            .add(id)
            .add(ids)
            .add(drawsAt)
            .add(drawn.idLists())
            .add(statesAt);
      }
      machine
          .launch(DeviceOp.VOCABULARY_FINISH, Math.ceilDiv(count, THREADS), 1, THREADS)
          .add(statesAt)
          .add(drawsAt)
          .add(drawn.idLists())
          .add(results.address() + (long) RESULT_BYTES * first)
          .add(count);
    }
    resultBytes = (long) RESULT_BYTES * rows;
  }

  /** How many rows of whole logits are brought to the host at once. */
  static int wholeRows(CudaWeight head) {
    long rows = WHOLE_BYTES / rowBytes(head);
    return Math.max(RowBuckets.padded(1), Math.toIntExact(Math.min(rows, MOST_ROWS) / 8 * 8));
  }

  /** Bytes from one row of whole logits to the next. */
  static long rowBytes(CudaWeight head) {
    return (long) Float.BYTES * stridden(head.rows());
  }

  /** Computes {@code x · headᵀ} for some rows and brings all of it to the host. */
  MemorySegment logits(
      long x, int stride, int rows, CudaWeight head, StepMachine machine, Stream stream) {
    int width = stridden(head.rows());
    long bytes = rowBytes(head) * rows;
    if (scratch.bytes() < bytes) {
      scratch.close();
      scratch = DeviceMemory.allocate(bytes);
    }
    if (logits == null || logits.segment().byteSize() < bytes) {
      if (logits != null) {
        logits.close();
      }
      logits = PinnedMemory.allocate(bytes);
    }
    machine.product(
        head, 0, head.rows(), x, stride, rows, scratch.address(), width, Precision.F32, false);
    machine.runOnce();
    scratch.copyTo(logits, 0, 0, bytes, stream);
    stream.synchronize();
    return logits.segment();
  }

  /** Ids of one product: all of them, or the whole grains that fit into the scratch. */
  private static int chunk(int rows, int width) {
    long fitting = SCRATCH_ELEMENTS / rows;
    return fitting >= width ? width : Math.toIntExact(fitting / GRAIN * GRAIN);
  }

  private static int stridden(int ids) {
    return Math.ceilDiv(ids, STRIDE_ELEMENTS) * STRIDE_ELEMENTS;
  }

  /** Bytes that the reduction of so many rows takes. */
  static long bytes(int rows, int ids) {
    int most = Math.min(rows, MOST_ROWS);
    return (long) Float.BYTES * most * chunk(most, stridden(ids))
        + (long) (STATE_BYTES + RESULT_BYTES) * Math.max(FIRST_ROWS, rows);
  }

  private void makeRoom(int rows, int width) {
    int most = Math.min(rows, MOST_ROWS);
    long needed = (long) Float.BYTES * most * chunk(most, width);
    if (scratch.bytes() < needed) {
      scratch.close();
      scratch = DeviceMemory.allocate(needed);
    }
    if (states.bytes() < (long) STATE_BYTES * rows) {
      states.close();
      results.close();
      pinned.close();
      states = DeviceMemory.allocate((long) STATE_BYTES * rows);
      results = DeviceMemory.allocate((long) RESULT_BYTES * rows);
      pinned = PinnedMemory.allocate((long) RESULT_BYTES * rows);
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

  /** Says that a step has no results of its own. */
  void putNothing() {
    resultBytes = 0;
  }

  @Override
  public void close() {
    Release.all(List.of(scratch, states, results, pinned));
    if (logits != null) {
      Release.one(logits);
    }
  }
}
