package dev.palimpsest.sampler.trace;

import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.SnapshotListener;

/** Hears of every step of a run and of every change that came from outside. */
public interface TraceListener extends SnapshotListener {
  /**
   * Called once per change, after it.
   *
   * @param after the canvas with the change
   */
  void event(TraceRecord.Event event, CanvasImage after);
}
