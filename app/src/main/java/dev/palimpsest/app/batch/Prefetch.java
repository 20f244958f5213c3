package dev.palimpsest.app.batch;

import java.io.IOException;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CancellationException;
import org.jspecify.annotations.Nullable;

/** Rows that are read on a thread of their own, some ahead of those that are asked. */
final class Prefetch implements AutoCloseable {
  private static final int ROWS = 256;

  private final BlockingQueue<Item> queue = new ArrayBlockingQueue<>(ROWS);
  private final boolean comesLate;
  private final Thread reader;
  private @Nullable Item head;

  /**
   * Begins to read.
   *
   * @param rows are closed when it is closed
   * @param comesLate whether the next row may take its time
   */
  Prefetch(Rows rows, boolean comesLate) {
    this.comesLate = comesLate;
    reader = Thread.ofPlatform().daemon().name("palimpsest-rows").start(() -> read(rows));
  }

  private sealed interface Item {
    record Read(Row row) implements Item {}

    record End() implements Item {}

    record Failed(Exception failure) implements Item {}
  }

  private void read(Rows rows) {
    try (rows) {
      Optional<Row> row = rows.next();
      while (row.isPresent()) {
        queue.put(new Item.Read(row.get()));
        row = rows.next();
      }
      queue.put(new Item.End());
    } catch (IOException | RuntimeException e) {
      hand(new Item.Failed(e));
    } catch (InterruptedException e) {
      hand(new Item.End());
    }
  }

  private void hand(Item last) {
    try {
      queue.put(last);
    } catch (InterruptedException e) {
      // Nobody waits for it any more.
    }
  }

  /**
   * Takes the next row.
   *
   * @param idle whether nothing is to be done without it; if not, a row that comes late is not
   *     waited for
   * @return empty if there is none
   */
  Optional<Row> take(boolean idle) throws IOException {
    if (head == null) {
      try {
        head = idle || !comesLate ? queue.take() : queue.poll();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new CancellationException("interrupted while a row was waited for");
      }
    }
    return switch (head) {
      case null -> Optional.empty();
      case Item.Read(Row row) -> {
        head = null;
        yield Optional.of(row);
      }
      case Item.End() -> Optional.empty();
      case Item.Failed(IOException failure) -> throw failure;
      case Item.Failed(RuntimeException failure) -> throw failure;
      case Item.Failed(Exception failure) -> throw new IllegalStateException(failure);
    };
  }

  /** Lets whoever waits for a row go on without one. */
  void stop() {
    queue.clear();
    reader.interrupt();
    boolean _ = queue.offer(new Item.End());
  }

  @Override
  public void close() {
    reader.interrupt();
  }
}
