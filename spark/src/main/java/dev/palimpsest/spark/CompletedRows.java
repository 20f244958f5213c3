package dev.palimpsest.spark;

import dev.palimpsest.api.Completion;
import dev.palimpsest.api.LanguageModel;
import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Queue;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.spark.sql.Row;

/**
 * Rows with their completions, in the order of the rows. Twice as many rows as are written at once
 * are read ahead, so that a long text does not hold up those behind it.
 */
final class CompletedRows implements Iterator<Row> {
  private static final int MILLIS_BETWEEN_LOOKS = 100;

  private final Iterator<Row> rows;
  private final CompletePartition work;
  private final Engine engine;
  private final Runnable stopIfKilled;
  private final Queue<Pending> ahead = new ArrayDeque<>();

  /**
   * Completes rows with an engine.
   *
   * @param stopIfKilled throws if the task is to end; asked while it waits
   */
  CompletedRows(Iterator<Row> rows, CompletePartition work, Engine engine, Runnable stopIfKilled) {
    this.rows = rows;
    this.work = work;
    this.engine = engine;
    this.stopIfKilled = stopIfKilled;
  }

  /**
   * Waits until the model is loaded and checks the options of all rows. What is wrong with a row's
   * own is the row's error.
   *
   * @throws dev.palimpsest.sampler.method.InvalidOptionException if one is wrong for the model
   */
  void requireOptions() {
    LanguageModel model = await(engine.loaded());
    model.options(work.options().ofAllRows(), 1);
  }

  @Override
  public boolean hasNext() {
    return !ahead.isEmpty() || rows.hasNext();
  }

  @Override
  public Row next() {
    while (ahead.size() < 2 * work.atOnce() && rows.hasNext()) {
      Row row = rows.next();
      ahead.add(new Pending(row, submit(row)));
    }
    Pending first = ahead.peek();
    if (first == null) {
      throw new NoSuchElementException("the partition has no more rows");
    }
    Row completed = work.output().row(first.row, await(first.completion));
    ahead.remove();
    return completed;
  }

  /** Lets the engine drop what nobody reads any more. */
  void cancel() {
    ahead.forEach(each -> each.completion.cancel(false));
    ahead.clear();
  }

  private CompletableFuture<Completion> submit(Row row) {
    Map<String, Object> options = work.options().options(row);
    try {
      return engine.submit(work.prompts().prompt(row), options);
    } catch (IllegalArgumentException wrong) {
      long seed = options.get("seed") instanceof Number number ? number.longValue() : 0;
      return CompletableFuture.completedFuture(
          Completion.failed("", seed, String.valueOf(wrong.getMessage())));
    }
  }

  private <T> T await(CompletableFuture<T> future) {
    while (true) {
      stopIfKilled.run();
      try {
        return future.get(MILLIS_BETWEEN_LOOKS, TimeUnit.MILLISECONDS);
      } catch (TimeoutException e) {
        // Looks again whether the task is to end.
      } catch (ExecutionException e) {
        throw e.getCause() instanceof RuntimeException cause
            ? cause
            : new IllegalStateException(e.getCause());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        stopIfKilled.run();
        throw new CancellationException("the task was interrupted");
      }
    }
  }

  /** A row whose completion is not read yet. */
  private record Pending(Row row, CompletableFuture<Completion> completion) {}
}
