package dev.palimpsest.app.batch;

import dev.palimpsest.app.file.LineFile;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * The file of the results: whoever does the same work again goes on where it was left. A Parquet
 * file is made of {@code OUT.part} when all are there.
 */
final class Output implements AutoCloseable {
  private final Results results;
  private final Closing files;
  private final Optional<ParquetResults> parquet;

  private Output(Results results, Closing files, Optional<ParquetResults> parquet) {
    this.results = results;
    this.files = files;
    this.parquet = parquet;
  }

  /** Results to a stream, which nobody can go on with. */
  static Output to(PrintStream out, Order order) throws IOException {
    Results.Lines lines = line -> out.write(line, 0, line.length);
    Results results =
        order == Order.INPUT
            ? new Results.InOrder(lines, 0, new Ahead(Optional.empty(), 0))
            : new Results.AsDone(lines, new BitSet());
    return new Output(results, () -> {}, Optional.empty());
  }

  /** Whether a file's name says that it is Parquet. */
  static boolean isParquet(Path file) {
    return file.toString().toLowerCase(Locale.ROOT).endsWith(".parquet");
  }

  private static Path part(Path out) {
    return out.resolveSibling(out.getFileName() + ".part");
  }

  /**
   * Whether a file holds all results already, and is to be left as it is.
   *
   * @param facts what the results depend on
   * @throws dev.palimpsest.engine.checkpoint.CheckpointException if it holds something else, or
   *     another process has it
   */
  static boolean isFinished(Path out, Map<String, Object> facts) throws IOException {
    if (!isParquet(out) || !Files.exists(out) || Files.exists(part(out))) {
      return false;
    }
    ResumeFile.open(out, facts, true).close();
    return true;
  }

  /**
   * Opens a file, or begins one.
   *
   * @param facts what the results depend on
   * @throws dev.palimpsest.engine.checkpoint.CheckpointException if it holds something else, or
   *     another process has it
   */
  static Output open(Path out, ResultForm form, Map<String, Object> facts) throws IOException {
    Path journal = isParquet(out) ? part(out) : out;
    LineFile lines = LineFile.open(journal);
    try {
      Counted counted = new Counted(form);
      byte[] rest = lines.read(counted::isTaken);
      boolean hasResults = counted.written > 0 || rest.length > 0;
      ResumeFile resume = ResumeFile.open(out, facts, hasResults);
      try {
        lines.cut();
        Results results =
            form.order() == Order.INPUT
                ? new Results.InOrder(lines::add, counted.written, resume.ahead(counted.written))
                : new Results.AsDone(lines::add, counted.rows);
        Closing files =
            () -> {
              resume.close();
              lines.close();
            };
        return new Output(
            results,
            files,
            isParquet(out)
                ? Optional.of(new ParquetResults(journal, out, form))
                : Optional.empty());
      } catch (IOException | RuntimeException e) {
        resume.close();
        throw e;
      }
    } catch (IOException | RuntimeException e) {
      lines.close();
      throw e;
    }
  }

  /** The results that a file has. */
  private static final class Counted {
    private final ResultForm form;
    private final BitSet rows = new BitSet();
    private long written;

    Counted(ResultForm form) {
      this.form = form;
    }

    boolean isTaken(byte[] line) {
      OptionalLong row = form.row(line, written);
      if (row.isPresent()) {
        written++;
        rows.set(Math.toIntExact(row.getAsLong()));
      }
      return row.isPresent();
    }
  }

  Results results() {
    return results;
  }

  /** All results are there. */
  void finish() throws IOException {
    if (parquet.isPresent()) {
      parquet.get().write();
    }
  }

  @Override
  public void close() throws IOException {
    files.close();
  }

  private interface Closing {
    void close() throws IOException;
  }
}
