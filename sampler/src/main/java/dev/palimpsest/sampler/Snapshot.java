package dev.palimpsest.sampler;

import java.util.List;

/**
 * What one step did. A few kilobytes, immutable.
 *
 * @param step the step's index in its run, from 0
 * @param block the block it worked on, from 0
 * @param commits positions it filled, highest ranked first; may be empty
 * @param canvas the canvas after the step
 * @param maskedLeft positions still masked after the step
 * @param elapsedNanos from the run's submission to the end of the step
 */
public record Snapshot(
    int step,
    int block,
    List<Commit> commits,
    CanvasImage canvas,
    int maskedLeft,
    long elapsedNanos) {

  /** Takes its own copy of the list. */
  public Snapshot {
    commits = List.copyOf(commits);
  }
}
