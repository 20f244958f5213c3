package dev.palimpsest.sampler.run;

import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.CellState;
import dev.palimpsest.sampler.canvas.SpecialTokens;
import java.util.Arrays;

/**
 * What a run has written, and at what cost.
 *
 * @param canvas prompt and text
 * @param specials the ids that end the text
 * @param genLength most tokens of the text; the canvas of a block sampler has whole blocks, and
 *     what its last block has beyond is not text
 * @param complete whether the run came to its end; false if it was stopped before
 * @param forwards forwards run, once for every sequence computed (NFE): a guided step counts twice
 * @param idleSteps steps that asked nothing, for which no forward was run
 * @param committed positions filled and not masked again, those after the end of the text too
 * @param firstSnapshotNanos from submission to the end of the first step; 0 if there was none
 * @param totalNanos from submission to the end of the last step; 0 if there was none
 */
public record Generation(
    CanvasImage canvas,
    SpecialTokens specials,
    int genLength,
    boolean complete,
    int forwards,
    int idleSteps,
    int committed,
    long firstSnapshotNanos,
    long totalNanos) {

  /** Tokens of the prompt. */
  public int promptLength() {
    return canvas.promptLength();
  }

  /** Every id, prompt and text. */
  public int[] ids() {
    return canvas.ids();
  }

  /** Every id after the prompt, whatever stands there. */
  public int[] generated() {
    return Arrays.copyOfRange(canvas.ids(), promptLength(), canvas.length());
  }

  /**
   * The text: the ids after the prompt and before the first end of text or of turn, or before the
   * first position still masked if the run was stopped. LLaDA decodes everything and cuts the text;
   * this is the same cut on ids.
   */
  public int[] tokens() {
    return Arrays.copyOfRange(canvas.ids(), promptLength(), endOfText());
  }

  /** Whether the text ends with a stop id, instead of with the canvas. */
  public boolean stopped() {
    int end = endOfText();
    return end < longestEnd() && canvas.state(end) == CellState.COMMITTED;
  }

  /** Tokens of the text that steps have written: those that the caller fixed are not among them. */
  public int written() {
    return canvas.positions(CellState.COMMITTED, promptLength(), endOfText()).length;
  }

  /** {@link #written} per forward (TPF): what is cut off does not count; 0 without a forward. */
  public double tokensPerForward() {
    return forwards == 0 ? 0 : (double) written() / forwards;
  }

  private int longestEnd() {
    return (int) Math.min(canvas.length(), (long) promptLength() + genLength);
  }

  private int endOfText() {
    int end = promptLength();
    while (end < longestEnd()
        && !canvas.state(end).isOpen()
        && !(canvas.state(end) == CellState.COMMITTED && specials.isStop(canvas.id(end)))) {
      end++;
    }
    return end;
  }
}
