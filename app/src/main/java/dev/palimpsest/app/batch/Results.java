package dev.palimpsest.app.batch;

import java.io.IOException;
import java.util.BitSet;
import java.util.Optional;

/** The results of rows, each a line, on their way to their places. */
sealed interface Results {
  /** Whether a row's result is there already. */
  boolean has(long row);

  /** Takes a row's result, a line with its line end. */
  void add(long row, byte[] line) throws IOException;

  /** Whether so many wait for that of an earlier row that no more rows should begin. */
  boolean isFull();

  /** How many are there. */
  long size();

  /** Where lines go. */
  interface Lines {
    void add(byte[] line) throws IOException;
  }

  /** In the order of the rows. */
  final class InOrder implements Results {
    private final Lines out;
    private final Ahead ahead;
    private long written;

    /**
     * Goes on.
     *
     * @param written results that are in their places, those of the first rows
     */
    InOrder(Lines out, long written, Ahead ahead) throws IOException {
      this.out = out;
      this.written = written;
      this.ahead = ahead;
      settle();
    }

    @Override
    public boolean has(long row) {
      return row < written || ahead.has(row);
    }

    @Override
    public void add(long row, byte[] line) throws IOException {
      if (row == written) {
        out.add(line);
        written++;
        settle();
      } else {
        ahead.put(row, line);
      }
    }

    private void settle() throws IOException {
      for (Optional<byte[]> next = ahead.of(written); next.isPresent(); next = ahead.of(written)) {
        out.add(next.get());
        ahead.settled(written++);
      }
    }

    @Override
    public boolean isFull() {
      return ahead.isFull();
    }

    @Override
    public long size() {
      return written + ahead.size();
    }
  }

  /** In the order in which they are finished. */
  final class AsDone implements Results {
    private final Lines out;
    private final BitSet there;
    private long size;

    /**
     * Goes on.
     *
     * @param there rows whose results are in their places
     */
    AsDone(Lines out, BitSet there) {
      this.out = out;
      this.there = there;
      size = there.cardinality();
    }

    @Override
    public boolean has(long row) {
      return there.get(Math.toIntExact(row));
    }

    @Override
    public void add(long row, byte[] line) throws IOException {
      out.add(line);
      there.set(Math.toIntExact(row));
      size++;
    }

    @Override
    public boolean isFull() {
      return false;
    }

    @Override
    public long size() {
      return size;
    }
  }
}
