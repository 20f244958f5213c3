package dev.palimpsest.sampler.trace;

import dev.palimpsest.sampler.canvas.Commit;
import dev.palimpsest.sampler.canvas.Cursor;
import dev.palimpsest.sampler.canvas.Drafts;
import dev.palimpsest.sampler.canvas.Noise;
import dev.palimpsest.sampler.canvas.Snapshot;
import dev.palimpsest.sampler.canvas.Turn;
import dev.palimpsest.step.Prediction;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** What follows the header of a trace. */
public sealed interface TraceRecord {

  /**
   * One step of the sampler.
   *
   * @param at where the run was before it
   * @param commits open positions it filled, highest ranked first
   * @param edits committed positions whose id it replaced
   * @param remasked committed positions it masked again
   * @param noise positions that it put random ids at
   * @param drafts that it left beside the canvas, if the sampler keeps them
   * @param forwards sequences that were computed for it: 0 for an idle step, 2 with guidance
   * @param asked what it asked and was told, if that was recorded
   * @param nanos from the end of the step before, or the submission, to its end
   */
  record Step(
      Cursor at,
      List<Commit> commits,
      List<Commit> edits,
      List<Integer> remasked,
      List<Noise> noise,
      Drafts drafts,
      int forwards,
      Optional<Asked> asked,
      long nanos)
      implements TraceRecord {
    /** Takes its own copies. */
    public Step {
      commits = List.copyOf(commits);
      edits = List.copyOf(edits);
      remasked = List.copyOf(remasked);
      noise = List.copyOf(noise);
    }

    /** The record of a snapshot. */
    static Step of(Snapshot snapshot, boolean withPredictions, long nanos) {
      return new Step(
          snapshot.at(),
          snapshot.commits(),
          snapshot.edits(),
          Arrays.stream(snapshot.remasked()).boxed().toList(),
          snapshot.noise(),
          snapshot.canvas().drafts(),
          snapshot.forwards(),
          withPredictions
              ? Optional.of(
                  new Asked(
                      Arrays.stream(snapshot.rows()).boxed().toList(), snapshot.predictions()))
              : Optional.empty(),
          nanos);
    }

    /** What it did to the canvas; a trace does not say where the run went on. */
    Turn turn() {
      int[] again = remasked.stream().mapToInt(Integer::intValue).toArray();
      return new Turn(commits, edits, again, noise, drafts, at);
    }

    /** Whether both left the same tokens, whatever the confidence and the order of the commits. */
    public boolean leftTheSameTokensAs(Step other) {
      return at.equals(other.at)
          && tokens(commits).equals(tokens(other.commits))
          && tokens(edits).equals(tokens(other.edits))
          && Set.copyOf(remasked).equals(Set.copyOf(other.remasked))
          && Set.copyOf(noise).equals(Set.copyOf(other.noise))
          && drafts.equals(other.drafts);
    }

    private static Map<Integer, Integer> tokens(List<Commit> commits) {
      return commits.stream().collect(Collectors.toMap(Commit::position, Commit::token));
    }

    /** Whether both did the same, whatever time it took and whatever was recorded beside it. */
    public boolean didTheSameAs(Step other) {
      return at.equals(other.at)
          && commits.equals(other.commits)
          && edits.equals(other.edits)
          && remasked.equals(other.remasked)
          && noise.equals(other.noise)
          && drafts.equals(other.drafts);
    }
  }

  /**
   * The predictions of a step.
   *
   * @param rows positions asked for, ascending
   * @param predictions one per row
   */
  record Asked(List<Integer> rows, List<Prediction> predictions) {
    /** Takes its own copies. */
    public Asked {
      rows = List.copyOf(rows);
      predictions = List.copyOf(predictions);
    }

    /** What was predicted for a position, if it was asked. */
    public Optional<Prediction> at(int position) {
      int row = Collections.binarySearch(rows, position);
      return row < 0 ? Optional.empty() : Optional.of(predictions.get(row));
    }
  }

  /**
   * A change of the canvas from outside, between two steps.
   *
   * @param at where the run goes on
   * @param name of the intervention or the monitor
   * @param cause why it acted, in words
   * @param writes ids written, by position: a masked position is filled, a committed one replaced
   * @param remasked committed positions masked again
   * @param forwards that the intervention itself ran
   * @param seed of the steps after it, where it is another than before
   */
  record Event(
      Cursor at,
      String name,
      String cause,
      Map<Integer, Integer> writes,
      List<Integer> remasked,
      int forwards,
      OptionalLong seed)
      implements TraceRecord {
    /** Takes its own copies. */
    public Event {
      writes = Collections.unmodifiableMap(new TreeMap<>(writes));
      remasked = List.copyOf(remasked);
    }
  }

  /**
   * The end of a generation. A trace without it was cut off.
   *
   * @param complete whether the sampler came to its end; false if it was stopped
   * @param forwards run in all, once for every sequence computed (NFE)
   */
  record End(boolean complete, int forwards) implements TraceRecord {}
}
