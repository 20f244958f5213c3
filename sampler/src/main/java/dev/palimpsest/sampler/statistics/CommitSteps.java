package dev.palimpsest.sampler.statistics;

import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.CellState;
import dev.palimpsest.sampler.trace.Trace;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** When the positions of a trace got what stands there in the end. */
public final class CommitSteps {
  private CommitSteps() {}

  /**
   * For every position after the prompt the last step that changed it, or that a change from
   * outside came right before; -1 where none did. A position that is still masked has the number of
   * steps.
   */
  public static int[] of(Trace trace) {
    CanvasImage last = trace.last();
    int[] steps = new int[last.length() - last.promptLength()];
    Arrays.fill(steps, -1);
    for (int step = 0; step < trace.steps(); step++) {
      CanvasImage before = step == 0 ? trace.header().start() : after(trace, step - 1);
      CanvasImage after = after(trace, step);
      for (int index = 0; index < steps.length; index++) {
        if (differs(before, after, last.promptLength() + index)) {
          steps[index] = step;
        }
      }
    }
    for (int index = 0; index < steps.length; index++) {
      if (last.state(last.promptLength() + index).isOpen()) {
        steps[index] = trace.steps();
      }
    }
    return steps;
  }

  /** Every token that stood in the text and was overwritten or masked again, in order of time. */
  public static List<Vanished> vanished(Trace trace) {
    CanvasImage canvas = trace.header().start();
    int[] since = new int[canvas.length()];
    Arrays.fill(since, -1);
    List<Vanished> vanished = new ArrayList<>();
    for (int step = 0; step < trace.steps(); step++) {
      CanvasImage after = after(trace, step);
      for (int position = canvas.promptLength(); position < canvas.length(); position++) {
        if (differs(canvas, after, position)) {
          if (canvas.state(position) == CellState.COMMITTED) {
            vanished.add(new Vanished(position, canvas.id(position), since[position], step));
          }
          since[position] = step;
        }
      }
      canvas = after;
    }
    return vanished;
  }

  private static CanvasImage after(Trace trace, int step) {
    return trace.canvasAfterRecord(trace.indexOfStep(step));
  }

  private static boolean differs(CanvasImage before, CanvasImage after, int position) {
    return before.id(position) != after.id(position)
        || before.state(position) != after.state(position);
  }

  /**
   * A token that did not stay.
   *
   * @param position in the canvas
   * @param token its id
   * @param from the step that wrote it
   * @param to the step that took it away
   */
  public record Vanished(int position, int token, int from, int to) {}
}
