package dev.palimpsest.sampler.method;

import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.Cursor;
import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.sampler.canvas.Turn;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import java.util.List;

/**
 * How a canvas is filled: pure functions of the canvas, the cursor and the predictions. An instance
 * holds options and nothing that changes, so one serves many runs, and a step is the same whenever
 * and wherever it is taken.
 */
public interface Sampler {

  /** The options that it follows. */
  SamplingOptions options();

  /** The ids that mean something to it. */
  SpecialTokens specials();

  /**
   * A canvas that no step has seen, with the holes that it fills.
   *
   * @param masked whose positions to fill are masked
   */
  default CanvasImage prepared(CanvasImage masked) {
    return masked;
  }

  /**
   * Where a run over this canvas begins.
   *
   * @throws IllegalArgumentException if the canvas does not fit the options
   */
  Cursor start(CanvasImage canvas);

  /** Whether no further step is needed. */
  boolean finished(CanvasImage canvas, Cursor at);

  /** What the next step needs predicted. Not called when finished. */
  Query ask(CanvasImage canvas, Cursor at);

  /**
   * What the step does.
   *
   * @param rows that {@link #ask} asked for
   * @param predictions one per row
   */
  Turn take(CanvasImage canvas, Cursor at, int[] rows, List<Prediction> predictions);

  /**
   * The end of the text that stands for good: everything before it is filled, and no later step
   * changes it. Over the steps of a run it never falls.
   *
   * @return a position, exclusive; at least the prompt's length
   */
  default int settled(CanvasImage canvas, Cursor at) {
    return canvas.firstOpen();
  }

  /** The most tokens that one of its queries holds, both halves of a guided query counted. */
  long width(CanvasImage canvas);
}
