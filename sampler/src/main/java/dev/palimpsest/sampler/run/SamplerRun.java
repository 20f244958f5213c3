package dev.palimpsest.sampler.run;

import dev.palimpsest.sampler.canvas.Canvas;
import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.Cursor;
import dev.palimpsest.sampler.canvas.Snapshot;
import dev.palimpsest.sampler.canvas.Turn;
import dev.palimpsest.sampler.method.Sampler;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A sampler over a canvas. A {@link Sampler}, a {@link Canvas} and a {@link Cursor} are all there
 * is to it between two steps, so that it goes on from any recorded step as if it had never stopped.
 */
public final class SamplerRun implements Run {
  private final Sampler sampler;
  private final Canvas canvas;
  private Cursor cursor;

  /** What was asked and is not answered yet. */
  private @Nullable Query open;

  /**
   * A run at its first step.
   *
   * @param prompt may be empty; copied. {@link Generator} checks it against the model
   * @param genLength positions to fill
   */
  public SamplerRun(Sampler sampler, int[] prompt, int genLength) {
    this.sampler = sampler;
    int maskId = sampler.specials().maskId();
    canvas = new Canvas(sampler.prepared(CanvasImage.masked(prompt, genLength, maskId)), maskId);
    cursor = sampler.start(canvas.image());
  }

  private SamplerRun(Sampler sampler, Canvas canvas, Cursor cursor) {
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
  public static SamplerRun resume(Sampler sampler, CanvasImage canvas, Cursor cursor) {
    return new SamplerRun(sampler, new Canvas(canvas, sampler.specials().maskId()), cursor);
  }

  @Override
  public boolean finished() {
    return sampler.finished(canvas.image(), cursor);
  }

  @Override
  public boolean complete() {
    return finished();
  }

  @Override
  public Query ask() {
    if (open == null) {
      CanvasImage before = canvas.image();
      if (sampler.finished(before, cursor)) {
        throw new IllegalStateException("the run finished after step " + (cursor.step() - 1));
      }
      open = sampler.ask(before, cursor);
    }
    return open;
  }

  @Override
  public Optional<Snapshot> accept(List<Prediction> predictions, long elapsedNanos) {
    return Optional.of(step(predictions, elapsedNanos));
  }

  /** As {@link #accept}, of which every call is a step here. */
  public Snapshot step(List<Prediction> predictions, long elapsedNanos) {
    Query asked = ask();
    Cursor at = cursor;
    Turn turn = sampler.take(canvas.image(), at, asked.rows(), predictions);
    canvas.apply(turn);
    cursor = turn.next();
    open = null;
    return new Snapshot(
        at,
        turn.commits(),
        turn.edits(),
        turn.remasked(),
        turn.noise(),
        asked.rows(),
        predictions,
        asked.sequences(),
        canvas.image(),
        canvas.open(),
        elapsedNanos);
  }

  @Override
  public Sampler sampler() {
    return sampler;
  }

  @Override
  public CanvasImage canvas() {
    return canvas.image();
  }

  @Override
  public Cursor cursor() {
    return cursor;
  }

  @Override
  public int settled() {
    return sampler.settled(canvas.image(), cursor);
  }

  @Override
  public long width() {
    return sampler.width(canvas.image());
  }
}
