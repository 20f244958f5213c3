package dev.palimpsest.app.terminal;

import java.util.function.DoubleConsumer;
import me.tongfei.progressbar.ProgressBar;
import org.jspecify.annotations.Nullable;

/** A progress bar for loading weights that appears only when it takes a while. */
public final class LoadProgress implements DoubleConsumer, AutoCloseable {
  private static final long PATIENCE_NANOS = 1_500_000_000L;
  private static final int STEPS = 1000;

  private final long started = System.nanoTime();
  private @Nullable ProgressBar bar;

  @Override
  public void accept(double share) {
    if (bar == null && share < 1 && System.nanoTime() - started > PATIENCE_NANOS) {
      bar = ProgressBars.start("Loading", STEPS);
    }
    if (bar != null) {
      bar.stepTo(Math.round(share * STEPS));
    }
  }

  @Override
  public void close() {
    if (bar != null) {
      bar.close();
    }
  }
}
