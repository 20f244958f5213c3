package dev.palimpsest.app.terminal;

import dev.palimpsest.step.Denoiser;
import me.tongfei.progressbar.ProgressBar;
import org.jspecify.annotations.Nullable;

/** A progress bar that appears only when a task takes longer than a moment. */
public final class LateProgress implements AutoCloseable {
  private static final long MOMENT_NANOS = 1_500_000_000L;

  private final String task;
  private final long total;
  private final long started = System.nanoTime();
  private long done;
  private @Nullable ProgressBar bar;

  /** Begins a task; nothing is shown yet. */
  public LateProgress(String task, long total) {
    this.task = task;
    this.total = total;
  }

  /** A part of the task is done. */
  public void step() {
    done++;
    ProgressBar shown = shown();
    if (shown != null) {
      shown.stepTo(Math.min(done, shown.getMax()));
    }
  }

  /** Says how far the part that is under way is. */
  public void say(String message) {
    ProgressBar shown = shown();
    if (shown != null) {
      shown.setExtraMessage(message);
    }
  }

  private @Nullable ProgressBar shown() {
    if (bar == null && System.nanoTime() - started > MOMENT_NANOS) {
      bar = ProgressBars.start(task, Math.max(total, done));
    }
    return bar;
  }

  /** A model each of whose forwards is a part of the task. */
  public Denoiser counting(Denoiser denoiser) {
    return denoiser.watched(_ -> step());
  }

  @Override
  public void close() {
    if (bar != null) {
      bar.close();
    }
  }
}
