package dev.palimpsest.app;

import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.DelegatingProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/** Progress bars on standard error: redrawn on a terminal, a line now and then elsewhere. */
final class ProgressBars {
  private static final int TERMINAL_MILLIS = 200;
  private static final int LOG_MILLIS = 10_000;

  private ProgressBars() {}

  static ProgressBar start(String task, long total) {
    Terminal terminal = Terminal.standardError();
    return new ProgressBarBuilder()
        .setTaskName(task)
        .setInitialMax(total)
        .setStyle(terminal.isUnicode() ? ProgressBarStyle.UNICODE_BLOCK : ProgressBarStyle.ASCII)
        .setUpdateIntervalMillis(terminal.isTerminal() ? TERMINAL_MILLIS : LOG_MILLIS)
        .setConsumer(
            terminal.isTerminal()
                ? new ConsoleProgressBarConsumer(System.err, terminal.columns() - 1)
                : new DelegatingProgressBarConsumer(System.err::println, terminal.columns()))
        .build();
  }
}
