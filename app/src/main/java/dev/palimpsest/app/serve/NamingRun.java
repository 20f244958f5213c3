package dev.palimpsest.app.serve;

import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.Cursor;
import dev.palimpsest.sampler.canvas.Snapshot;
import dev.palimpsest.sampler.method.Sampler;
import dev.palimpsest.sampler.run.Run;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import java.util.List;
import java.util.Optional;

/**
 * A run whose predictions name alternatives, at which its sampler does not look.
 *
 * @param run that is taken
 * @param alternatives how many are named
 */
record NamingRun(Run run, int alternatives) implements Run {
  @Override
  public Query ask() {
    return run.ask().naming(alternatives);
  }

  @Override
  public Optional<Snapshot> accept(List<Prediction> predictions, long elapsedNanos) {
    return run.accept(predictions, elapsedNanos);
  }

  @Override
  public boolean finished() {
    return run.finished();
  }

  @Override
  public boolean complete() {
    return run.complete();
  }

  @Override
  public Sampler sampler() {
    return run.sampler();
  }

  @Override
  public CanvasImage canvas() {
    return run.canvas();
  }

  @Override
  public Cursor cursor() {
    return run.cursor();
  }

  @Override
  public int settled() {
    return run.settled();
  }

  @Override
  public long width() {
    return run.width();
  }
}
