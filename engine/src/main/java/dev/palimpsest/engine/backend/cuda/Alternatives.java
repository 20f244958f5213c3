package dev.palimpsest.engine.backend.cuda;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.bindings.cuda.DeviceMemory;
import dev.palimpsest.bindings.cuda.PinnedMemory;
import dev.palimpsest.bindings.cuda.Stream;
import dev.palimpsest.engine.backend.Ranking;
import dev.palimpsest.engine.backend.RowDraw;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.step.Draw;
import dev.palimpsest.step.Prediction;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.OptionalDouble;

/**
 * The alternatives of rows whose draws ask for some. Their logits are computed once more, filtered
 * if the draw has a filter, and brought to the host, a bounded number of rows at a time; everything
 * else about a row is the device's.
 */
final class Alternatives {
  private static final long BLOCK_BYTES = 64 << 20;
  private static final int ROW_STEP = 8;
  private static final int STRIDE_ELEMENTS = 16;

  private Alternatives() {}

  /**
   * Adds the alternatives to predictions.
   *
   * @param x address of the rows that the head is applied to
   * @param cap of the logits, if there is one
   * @param vocabulary which made the predictions
   * @param input empty
   */
  static void add(
      long x,
      int stride,
      CudaWeight head,
      OptionalDouble cap,
      List<RowDraw> draws,
      Prediction[] predictions,
      Vocabulary vocabulary,
      StepInput input,
      StepMachine machine,
      Stream stream) {
    if (draws.stream().noneMatch(each -> each.draw().alternatives() > 0)) {
      return;
    }
    int width = Math.ceilDiv(head.rows(), STRIDE_ELEMENTS) * STRIDE_ELEMENTS;
    int padded = RowBuckets.padded(draws.size());
    boolean filtered = draws.stream().anyMatch(each -> each.draw().filter().isPresent());
    long rowBytes = (long) Float.BYTES * width;
    int block =
        Math.toIntExact(Math.clamp(BLOCK_BYTES / rowBytes / ROW_STEP * ROW_STEP, ROW_STEP, padded));
    try (DeviceMemory device = DeviceMemory.allocate(rowBytes * block);
        DeviceMemory shifts = DeviceMemory.allocate((long) Double.BYTES * block);
        PinnedMemory host = PinnedMemory.allocate(rowBytes * block)) {
      for (int first = 0; first < draws.size(); first += block) {
        int count = Math.min(block, padded - first);
        long from = x + CudaWeight.elementBytes(head.precision()) * first * stride;
        machine.product(
            head,
            0,
            head.rows(),
            0,
            from,
            stride,
            count,
            device.address(),
            width,
            Precision.F32,
            false);
        Vocabulary.cap(machine, device.address(), width, count, head.rows(), cap);
        if (filtered) {
          input.clear();
          DrawInput drawn = DrawInput.of(draws, padded, head.rows(), true, input);
          machine
              .launch(DeviceOp.VOCABULARY_SHAPE, count, 1)
              .address(device.address())
              .value(width)
              .value(head.rows())
              .input(drawn.filters() + (long) DrawInput.FILTER_BYTES * first)
              .input(drawn.idLists())
              .address(shifts.address());
        }
        machine.runOnce();
        device.copyTo(host, 0, 0, rowBytes * count, stream);
        stream.synchronize();
        for (int row = first; row < Math.min(draws.size(), first + count); row++) {
          predictions[row] =
              with(
                  predictions[row],
                  vocabulary.shift(row),
                  host.segment(),
                  rowBytes * (row - first),
                  head.rows(),
                  draws.get(row));
        }
      }
    }
    input.clear();
  }

  /**
   * Adds a row's.
   *
   * @param shift by how much a filter has moved the logarithm of the softmax sum
   * @param at the byte of the row's logits
   */
  private static Prediction with(
      Prediction prediction, double shift, MemorySegment logits, long at, int ids, RowDraw how) {
    Draw draw = how.draw();
    if (draw.alternatives() == 0) {
      return prediction;
    }
    Ranking ranking = new Ranking();
    ranking.keep(draw.alternatives());
    for (int id = 0; id < ids; id++) {
      if (isAllowed(how, id) && !contains(draw.undrawn(), id)) {
        ranking.add(id, logits.get(JAVA_FLOAT, at + (long) Float.BYTES * id));
      }
    }
    double logSumExp = prediction.logSumExp() - shift;
    return prediction.with(
        ranking.alternatives(logit -> StrictMath.exp(logit - logSumExp), draw.uncounted()));
  }

  private static boolean isAllowed(RowDraw how, int id) {
    return how.allowed().isEmpty() || how.allowed().get().contains(id);
  }

  private static boolean contains(int[] ids, int id) {
    for (int each : ids) {
      if (each == id) {
        return true;
      }
    }
    return false;
  }
}
