package dev.palimpsest.app.terminal;

import java.time.Duration;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.DelegatingProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/**
 * Progress bars on standard error, where that is a terminal; elsewhere, and with {@code --quiet},
 * none.
 */
public final class ProgressBars {
  private static final int UPDATE_MILLIS = 200;

  private ProgressBars() {}

  public static ProgressBar start(String task, long total) {
    return start(task, total, 0);
  }

  /** A bar of work of which a part was done before; the time that is left is judged by the rest. */
  public static ProgressBar start(String task, long total, long done) {
    Terminal terminal = Terminal.standardError();
    return new ProgressBarBuilder()
        .setTaskName(task)
        .setInitialMax(total)
        .startsFrom(done, Duration.ZERO)
        .setStyle(terminal.isUnicode() ? ProgressBarStyle.UNICODE_BLOCK : ProgressBarStyle.ASCII)
        .setUpdateIntervalMillis(UPDATE_MILLIS)
        .setConsumer(
            terminal.isTerminal() && Notices.areWanted()
                ? new ConsoleProgressBarConsumer(System.err, terminal.columns() - 1)
                : new DelegatingProgressBarConsumer(_ -> {}, terminal.columns()))
        .build();
  }
}
