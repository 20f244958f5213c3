package dev.palimpsest.app.batch;

import java.io.IOException;
import java.util.Optional;

/** The rows of an input, read one by one. */
interface Rows extends AutoCloseable {
  /** The next row; empty behind the last. */
  Optional<Row> next() throws IOException;

  @Override
  void close() throws IOException;
}
