package dev.palimpsest.sampler.canvas;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What is done to a canvas, and where the run is then. No position occurs twice.
 *
 * @param commits open positions that are filled, highest ranked first; may be empty
 * @param edits committed positions whose id is replaced
 * @param remasked committed positions that are masked again
 * @param noise positions, committed or not filled, that get random ids and are not filled then
 * @param drafts that the canvas has from then on; none if it keeps those that it has
 * @param next where the run is after it
 */
public record Turn(
    List<Commit> commits,
    List<Commit> edits,
    int[] remasked,
    List<Noise> noise,
    Drafts drafts,
    Cursor next) {
  private static final int[] NONE = {};

  /** Takes its own copies. */
  public Turn {
    commits = List.copyOf(commits);
    edits = List.copyOf(edits);
    remasked = remasked.clone();
    noise = List.copyOf(noise);
  }

  /** A step over masks alone. */
  public Turn(List<Commit> commits, List<Commit> edits, int[] remasked, Cursor next) {
    this(commits, edits, remasked, List.of(), Drafts.NONE, next);
  }

  /** A step that only commits. */
  public static Turn of(List<Commit> commits, Cursor next) {
    return new Turn(commits, List.of(), NONE, next);
  }

  /**
   * A change from outside, which leaves the run where it is.
   *
   * @param before the canvas that is changed
   * @param writes ids by position: one that is not filled is filled, a committed one replaced
   * @param remasked committed positions that are masked again
   */
  public static Turn outside(
      CanvasImage before, Map<Integer, Integer> writes, Collection<Integer> remasked, Cursor at) {
    List<Commit> commits = new ArrayList<>();
    List<Commit> edits = new ArrayList<>();
    new TreeMap<>(writes)
        .forEach(
            (position, id) ->
                (before.state(position).isOpen() ? commits : edits)
                    .add(Commit.unpredicted(position, id)));
    return new Turn(commits, edits, remasked.stream().mapToInt(Integer::intValue).toArray(), at);
  }

  /** A copy of the positions. */
  @Override
  public int[] remasked() {
    return remasked.clone();
  }
}
