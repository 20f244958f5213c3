package dev.palimpsest.app.compare;

import dev.palimpsest.app.file.Replacement;
import dev.palimpsest.app.terminal.Interruption;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * The files of a comparison, written after every round, so that an interrupt loses no more than the
 * round that it falls into. It is told in a sentence.
 */
final class ComparisonFiles implements AutoCloseable {
  private final Path folder;
  private final int rounds;
  private final Object writing = new Object();
  private final Interruption interruption = Interruption.then(this::tellOfInterrupt);
  private int finished;

  /**
   * Files that are not written yet.
   *
   * @param rounds that there are to be
   */
  ComparisonFiles(Path folder, int rounds) {
    this.folder = folder;
    this.rounds = rounds;
  }

  /** What is written into a folder. */
  static List<Path> in(Path folder) {
    return List.of(
        folder.resolve("compare.json"),
        folder.resolve("compare.html"),
        folder.resolve("compare.svg"));
  }

  /** Writes what there is after so many rounds. */
  void write(Comparison comparison, int rounds) throws IOException {
    synchronized (writing) {
      List<Path> files = in(folder);
      Replacement.write(files.get(0), comparison.json() + "\n");
      Replacement.write(files.get(1), ComparisonPage.of(comparison));
      Replacement.write(files.get(2), ComparisonPage.chart(comparison).file());
      finished = rounds;
    }
  }

  /** Keeps the lock, so that nothing is half-written when the process ends. */
  private void tellOfInterrupt() {
    synchronized (writing) {
      System.err.println("palimpsest: " + farewell(folder, finished, rounds));
    }
  }

  /** What an interrupt leaves. */
  static String farewell(Path folder, int finished, int rounds) {
    return finished == 0
        ? "interrupted before a round was finished; nothing was written"
        : "interrupted: %d of %d rounds are finished and in %s; the same command with --resume goes on"
            .formatted(finished, rounds, in(folder).getFirst());
  }

  @Override
  public void close() {
    interruption.close();
  }
}
