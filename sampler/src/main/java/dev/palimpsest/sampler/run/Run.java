package dev.palimpsest.sampler.run;

import dev.palimpsest.sampler.canvas.Canvas;
import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.Commit;
import dev.palimpsest.sampler.canvas.Cursor;
import dev.palimpsest.sampler.canvas.Snapshot;
import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.sampler.canvas.Turn;
import dev.palimpsest.sampler.method.Sampler;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import java.util.List;

/**
 * One generation as a state machine: it says what it needs predicted, takes the predictions,
 * changes its canvas, and says whether it is finished. It never calls a model and reads no clock. A
 * {@link Sampler}, a {@link Canvas} and a {@link Cursor} are all there is to it, so that it goes on
 * from any recorded step as if it had never stopped.
 */
public final class Run {
  private final Sampler sampler;
  private final Canvas canvas;
  private Cursor cursor;

  /**
   * A run at its first step.
   *
   * @param prompt may be empty; copied. {@link Generator} checks it against the model
   * @param genLength positions to fill
   */
  public Run(Sampler sampler, int[] prompt, int genLength) {
    this.sampler = sampler;
    canvas = new Canvas(prompt, genLength, sampler.specials().maskId());
    cursor = sampler.start(canvas.image());
  }

  private Run(Sampler sampler, Canvas canvas, Cursor cursor) {
    this.sampler = sampler;
    this.canvas = canvas;
    this.cursor = cursor;
  }

  /**
   * A run that goes on from a canvas and a cursor, bit for bit as the one they were taken from.
   *
   * @param canvas for instance a snapshot's, or one rebuilt from a trace
   * @param cursor {@link #cursor} at that moment
   * @throws IllegalArgumentException if a masked position does not hold the mask id
   */
  public static Run resume(Sampler sampler, CanvasImage canvas, Cursor cursor) {
    return new Run(sampler, new Canvas(canvas, sampler.specials().maskId()), cursor);
  }

  /** Whether no further step is needed. */
  public boolean finished() {
    return sampler.finished(canvas.image(), cursor);
  }

  /**
   * What the next step needs predicted. Changes nothing: asked twice, it answers the same.
   *
   * @throws IllegalStateException if the run is finished
   */
  public Query ask() {
    CanvasImage before = canvas.image();
    requireUnfinished(before);
    return sampler.ask(before, cursor);
  }

  /**
   * Takes the step.
   *
   * @param predictions one per row of {@link #ask}, in its order
   * @param elapsedNanos since the run was submitted, for the snapshot
   * @throws IllegalStateException if the run is finished or the predictions do not fit; the run is
   *     then unchanged
   */
  public Snapshot accept(List<Prediction> predictions, long elapsedNanos) {
    CanvasImage before = canvas.image();
    requireUnfinished(before);
    Query asked = sampler.ask(before, cursor);
    Answers.require(asked.rows(), asked.draw().undrawn(), predictions);
    Turn turn = sampler.take(before, cursor, predictions);
    for (Commit commit : turn.commits()) {
      canvas.commit(commit.position(), commit.token());
    }
    for (Commit edit : turn.edits()) {
      canvas.edit(edit.position(), edit.token());
    }
    for (int position : turn.remasked()) {
      canvas.remask(position);
    }
    Cursor at = cursor;
    cursor = turn.next();
    return new Snapshot(
        at,
        turn.commits(),
        turn.edits(),
        turn.remasked(),
        asked.rows(),
        predictions,
        asked.sequences(),
        canvas.image(),
        canvas.masked(),
        elapsedNanos);
  }

  /** How its canvas is filled. */
  public Sampler sampler() {
    return sampler;
  }

  /** The canvas as it is now. */
  public CanvasImage canvas() {
    return canvas.image();
  }

  /** Where it is now. */
  public Cursor cursor() {
    return cursor;
  }

  /** The ids that end its text. */
  public SpecialTokens specials() {
    return sampler.specials();
  }

  /** The most tokens one of its queries holds, both halves of a guided query counted. */
  public long width() {
    return sampler.width(canvas.image());
  }

  private void requireUnfinished(CanvasImage image) {
    if (sampler.finished(image, cursor)) {
      throw new IllegalStateException("the run finished after step " + (cursor.step() - 1));
    }
  }
}
