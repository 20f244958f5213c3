package dev.palimpsest.app.serve;

import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.CellState;
import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.sampler.run.Run;
import java.util.Arrays;

/**
 * Where on a canvas the text stands that is answered with.
 *
 * @param start its first position
 * @param end behind its last one
 * @param endsAtStop whether a stop id that a step wrote ends it before
 */
record TextRange(int start, int end, boolean endsAtStop) {

  /** All that a run writes behind its prompt. */
  static TextRange behindPrompt(Run run) {
    int start = run.canvas().promptLength();
    long longest = (long) start + run.sampler().options().genLength();
    return new TextRange(start, (int) Math.min(run.canvas().length(), longest), true);
  }

  /**
   * The tokens of the text, up to the first that is missing.
   *
   * @param settled the end of what is looked at, exclusive
   */
  int[] tokens(CanvasImage canvas, SpecialTokens specials, int settled) {
    int last = Math.min(end, settled);
    int position = start;
    while (position < last
        && !canvas.state(position).isOpen()
        && !isStop(canvas, specials, position)) {
      position++;
    }
    return Arrays.copyOfRange(canvas.ids(), start, position);
  }

  /** Whether a text of so many tokens ends before a stop id. */
  boolean stops(CanvasImage canvas, SpecialTokens specials, int tokens) {
    return start + tokens < end && isStop(canvas, specials, start + tokens);
  }

  private boolean isStop(CanvasImage canvas, SpecialTokens specials, int position) {
    return endsAtStop
        && canvas.state(position) == CellState.COMMITTED
        && specials.isStop(canvas.id(position));
  }
}
