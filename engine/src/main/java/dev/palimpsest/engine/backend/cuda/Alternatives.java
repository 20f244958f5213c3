package dev.palimpsest.engine.backend.cuda;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.bindings.cuda.DeviceMemory;
import dev.palimpsest.bindings.cuda.PinnedMemory;
import dev.palimpsest.bindings.cuda.Stream;
import dev.palimpsest.engine.backend.Ranking;
import dev.palimpsest.engine.backend.RowDraw;
import dev.palimpsest.engine.device.DeviceException;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.step.Draw;
import dev.palimpsest.step.Prediction;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * The alternatives of rows whose draws ask for some. Their logits are computed once more and
 * brought to the host, a bounded number of rows at a time; everything else about a row is the
 * device's.
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
   * @throws DeviceException if a draw that asks for alternatives has a filter
   */
  static void add(
      long x,
      int stride,
      CudaWeight head,
      List<RowDraw> draws,
      Prediction[] predictions,
      StepMachine machine,
      Stream stream) {
    if (draws.stream().noneMatch(each -> each.draw().alternatives() > 0)) {
      return;
    }
    if (draws.stream().anyMatch(Alternatives::isFiltered)) {
      throw new DeviceException(
          "a GPU names no alternatives of draws with a temperature, top k or top p of Dream's kind:"
              + " leave out the alternatives, or compute on the host");
    }
    int width = Math.ceilDiv(head.rows(), STRIDE_ELEMENTS) * STRIDE_ELEMENTS;
    int padded = RowBuckets.padded(draws.size());
    long rowBytes = (long) Float.BYTES * width;
    int block =
        Math.toIntExact(Math.clamp(BLOCK_BYTES / rowBytes / ROW_STEP * ROW_STEP, ROW_STEP, padded));
    try (DeviceMemory device = DeviceMemory.allocate(rowBytes * block);
        PinnedMemory host = PinnedMemory.allocate(rowBytes * block)) {
      for (int first = 0; first < draws.size(); first += block) {
        int count = Math.min(block, padded - first);
        long from = x + CudaWeight.elementBytes(head.precision()) * first * stride;
        machine.product(
            head,
            0,
            head.rows(),
            from,
            stride,
            count,
            device.address(),
            width,
            Precision.F32,
            false);
        machine.runOnce();
        device.copyTo(host, 0, 0, rowBytes * count, stream);
        stream.synchronize();
        for (int row = first; row < Math.min(draws.size(), first + count); row++) {
          predictions[row] =
              with(
                  predictions[row],
                  host.segment(),
                  rowBytes * (row - first),
                  head.rows(),
                  draws.get(row).draw());
        }
      }
    }
  }

  private static boolean isFiltered(RowDraw how) {
    return how.draw().alternatives() > 0 && how.draw().filter().isPresent();
  }

  private static Prediction with(
      Prediction prediction, MemorySegment logits, long at, int ids, Draw draw) {
    if (draw.alternatives() == 0) {
      return prediction;
    }
    Ranking ranking = new Ranking();
    ranking.keep(draw.alternatives());
    for (int id = 0; id < ids; id++) {
      if (!contains(draw.undrawn(), id)) {
        ranking.add(id, logits.get(JAVA_FLOAT, at + (long) Float.BYTES * id));
      }
    }
    return prediction.with(
        ranking.alternatives(
            logit -> StrictMath.exp(logit - prediction.logSumExp()), draw.uncounted()));
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
