package dev.palimpsest.app.batch;

import dev.palimpsest.app.trace.TraceFolder;
import dev.palimpsest.sampler.canvas.SnapshotListener;
import dev.palimpsest.sampler.run.Request;
import dev.palimpsest.sampler.run.Run;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.Queue;
import java.util.function.IntSupplier;

/**
 * The rows that are to be asked, as requests for a driver. There may be none for a moment, while
 * others are under way: no row has come yet, results wait for that of an earlier row, or a row
 * begins like one that has just joined, and waits a step for its keys and values in the KV cache.
 */
final class Admission implements Iterator<Admission.Joining>, IntSupplier {
  /** Tokens that two prompts have in common when one should wait for the other. */
  private static final int SHARED = 32;

  private final Prefetch rows;
  private final Results results;
  private final AtOnce atOnce;
  private final Asking asking;
  private final boolean caches;
  private final Queue<Joining> next = new ArrayDeque<>();
  private int[] joined = {};
  private int[] computed = {};
  private volatile boolean stopped;

  /**
   * Rows in their order.
   *
   * @param caches whether the model has a KV cache
   */
  Admission(Prefetch rows, Results results, AtOnce atOnce, Asking asking, boolean caches) {
    this.rows = rows;
    this.results = results;
    this.atOnce = atOnce;
    this.asking = asking;
    this.caches = caches;
  }

  /** Makes requests of rows. */
  interface Asking {
    /** A row's requests, one for every text; none if it cannot be run, which has then been told. */
    List<Joining> ask(Row row) throws IOException;
  }

  /**
   * A text of a row on its way into the driver, or under way.
   *
   * @param answer the row's
   * @param text which of the row's texts it is
   */
  record Joining(
      Answer answer, int text, Run run, TraceFolder.Recording recording, SnapshotListener listener)
      implements Request {

    private int[] prompt() {
      return Arrays.copyOf(run.canvas().ids(), run.canvas().promptLength());
    }
  }

  /** Lets no more rows join, and ends the driver's run between two steps. */
  void stop() {
    stopped = true;
    rows.stop();
  }

  boolean isStopped() {
    return stopped;
  }

  /** The number of rows at once at the next step; called before each. */
  @Override
  public int getAsInt() {
    if (stopped) {
      Thread.currentThread().interrupt(); // the driver looks for it between two steps
    }
    computed = joined;
    joined = new int[0];
    return atOnce.getAsInt();
  }

  @Override
  public boolean hasNext() {
    try {
      while (next.isEmpty() && !stopped && !(results.isFull() && atOnce.live() > 0)) {
        Optional<Row> row = rows.take(atOnce.live() == 0);
        if (row.isEmpty()) {
          return false;
        }
        if (!results.has(row.get().number())) {
          next.addAll(asking.ask(row.get()));
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(String.valueOf(e.getMessage()), e);
    }
    return !stopped && !next.isEmpty() && !waitsForPrefix(next.element());
  }

  private boolean waitsForPrefix(Joining row) {
    if (!caches || atOnce.live() == 0) {
      return false;
    }
    int[] prompt = row.prompt();
    int shared = shared(prompt, joined);
    return shared >= SHARED && shared > shared(prompt, computed);
  }

  private static int shared(int[] some, int[] other) {
    int mismatch = Arrays.mismatch(some, other);
    return mismatch < 0 ? some.length : mismatch;
  }

  @Override
  public Joining next() {
    if (!hasNext()) {
      throw new NoSuchElementException("no row can join now");
    }
    Joining row = next.remove();
    joined = row.prompt();
    atOnce.began();
    return row;
  }
}
