package dev.palimpsest.sampler.canvas;

import java.util.List;

/**
 * What a step does to the canvas. No position occurs twice.
 *
 * @param commits masked positions it fills, highest ranked first; may be empty
 * @param edits committed positions whose id it replaces
 * @param remasked committed positions it masks again, ascending
 * @param next where the run is after it
 */
public record Turn(List<Commit> commits, List<Commit> edits, int[] remasked, Cursor next) {
  private static final int[] NONE = {};

  /** Takes its own copies. */
  public Turn {
    commits = List.copyOf(commits);
    edits = List.copyOf(edits);
    remasked = remasked.clone();
  }

  /** A step that only commits. */
  public static Turn of(List<Commit> commits, Cursor next) {
    return new Turn(commits, List.of(), NONE, next);
  }

  /** A copy of the positions. */
  @Override
  public int[] remasked() {
    return remasked.clone();
  }
}
