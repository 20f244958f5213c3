package dev.palimpsest.sampler.canvas;

import dev.palimpsest.step.Prediction;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * What one step asked, was told and did. A few kilobytes, immutable.
 *
 * @param at where the run was before the step
 * @param commits positions it filled, highest ranked first; may be empty
 * @param edits committed positions whose id it replaced
 * @param remasked committed positions it masked again, ascending
 * @param noise positions that got random ids and are not filled, ascending
 * @param rows positions whose predictions it asked for, ascending
 * @param predictions one per row
 * @param forwards sequences that were computed for it (its NFE): 0 for an idle step, which asks
 *     nothing, and 2 with guidance
 * @param canvas the canvas after the step
 * @param openLeft positions that are not filled after the step
 * @param elapsedNanos from the run's submission to the end of the step
 */
public record Snapshot(
    Cursor at,
    List<Commit> commits,
    List<Commit> edits,
    int[] remasked,
    List<Noise> noise,
    int[] rows,
    List<Prediction> predictions,
    int forwards,
    CanvasImage canvas,
    int openLeft,
    long elapsedNanos) {

  /** Takes its own copies. */
  public Snapshot {
    commits = List.copyOf(commits);
    edits = List.copyOf(edits);
    remasked = remasked.clone();
    noise = List.copyOf(noise);
    rows = rows.clone();
    predictions = List.copyOf(predictions);
  }

  /** The step's index in its run, from 0. */
  public int step() {
    return at.step();
  }

  /** The block it worked on, from 0. */
  public int block() {
    return at.block();
  }

  /** A copy of the positions. */
  @Override
  public int[] remasked() {
    return remasked.clone();
  }

  /** A copy of the positions. */
  @Override
  public int[] rows() {
    return rows.clone();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Snapshot that
        && at.equals(that.at)
        && commits.equals(that.commits)
        && edits.equals(that.edits)
        && Arrays.equals(remasked, that.remasked)
        && noise.equals(that.noise)
        && Arrays.equals(rows, that.rows)
        && predictions.equals(that.predictions)
        && forwards == that.forwards
        && canvas.equals(that.canvas)
        && openLeft == that.openLeft
        && elapsedNanos == that.elapsedNanos;
  }

  @Override
  public int hashCode() {
    return Objects.hash(at, commits, canvas, elapsedNanos);
  }
}
