package dev.palimpsest.app.lens;

import dev.palimpsest.engine.forward.Transformer;
import dev.palimpsest.lab.lens.LensStatistics;
import dev.palimpsest.lab.lens.LensStep;
import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.trace.Trace;
import dev.palimpsest.step.Draw;
import dev.palimpsest.step.Query;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/** Reads the steps of a trace with a logit lens, each from its recorded canvas. */
final class LensReader {
  private static final int[] NONE = {};

  private LensReader() {}

  /**
   * What the lens sees of the text's masked positions in every step that reads the canvas.
   *
   * @param done is told of every step
   */
  static List<LensStep> read(Trace trace, Transformer model, Runnable done) {
    int[] written = LensStatistics.written(trace);
    List<LensStep> steps = new ArrayList<>();
    for (int step = 0; step < trace.steps(); step++) {
      Query asked =
          trace
              .optionsBefore(step)
              .sampler(trace.header().specials())
              .ask(trace.canvasBefore(step), trace.cursorBefore(step));
      if (asked.sequences() > 0) {
        read(trace, step, asked, written, model).ifPresent(steps::add);
      }
      done.run();
    }
    return steps;
  }

  private static Optional<LensStep> read(
      Trace trace, int step, Query asked, int[] written, Transformer model) {
    CanvasImage before = trace.canvasBefore(step);
    int length = asked.tokens().length;
    int[] positions =
        Arrays.stream(written).filter(at -> at < length && before.state(at).isOpen()).toArray();
    int[] rows = positions;
    if (positions.length == 0) { // from left to right, what comes next is read at the last token
      rows = IntStream.of(asked.rows()).filter(row -> isMember(written, row + 1)).toArray();
      positions = IntStream.of(rows).map(row -> row + 1).toArray();
    }
    if (rows.length == 0) {
      return Optional.empty();
    }
    int[] targets = IntStream.of(positions).map(trace.last()::id).toArray();
    Draw draw =
        new Draw(
            0,
            Optional.empty(),
            asked.draw().seed(),
            asked.draw().step(),
            asked.draw().undrawn(),
            NONE);
    Query query =
        new Query(asked.tokens(), asked.firstPosition(), rows, 0, draw, Optional.empty())
            .scoring(targets);
    return Optional.of(new LensStep(step, positions, model.lens(query)));
  }

  private static boolean isMember(int[] ascending, int number) {
    return Arrays.binarySearch(ascending, number) >= 0;
  }
}
