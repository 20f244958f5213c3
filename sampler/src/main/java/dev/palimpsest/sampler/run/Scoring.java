package dev.palimpsest.sampler.run;

import dev.palimpsest.sampler.canvas.Snapshot;
import dev.palimpsest.sampler.likelihood.Forward;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A given text that a model is asked about: forwards over copies of it, one a step, whose
 * predictions score tokens ({@link Prediction#targetLogProbability}). No token is drawn.
 */
public final class Scoring implements Participant {
  private final List<Forward> forwards;
  private final List<List<Prediction>> predictions = new ArrayList<>();

  /**
   * Forwards to be run.
   *
   * @param forwards none of which depends on what comes of another
   */
  public Scoring(List<Forward> forwards) {
    this.forwards = List.copyOf(forwards);
  }

  @Override
  public boolean finished() {
    return predictions.size() == forwards.size();
  }

  @Override
  public Query ask() {
    if (finished()) {
      throw new IllegalStateException("no forward of the scoring is left to be run");
    }
    return forwards.get(predictions.size()).query().get();
  }

  @Override
  public Optional<Snapshot> accept(List<Prediction> answers, long elapsedNanos) {
    if (finished()) {
      throw new IllegalStateException("no forward of the scoring is left to be run");
    }
    predictions.add(List.copyOf(answers));
    return Optional.empty();
  }

  @Override
  public long width() {
    return forwards.stream().mapToLong(Forward::width).max().orElse(0);
  }

  /**
   * What every forward predicted at the rows that it asked.
   *
   * @throws IllegalStateException if a forward has not been run
   */
  public List<List<Prediction>> predictions() {
    if (!finished()) {
      throw new IllegalStateException(
          "%d of %d forwards of the scoring are run"
              .formatted(predictions.size(), forwards.size()));
    }
    return List.copyOf(predictions);
  }

  /**
   * What is known of the token at a position of a text, of {@link Generator#scoring}, before it is
   * read.
   *
   * @param position from 1; the text's length for the token that would come next, which has no
   *     target
   * @throws IllegalStateException if a forward has not been run
   */
  public Prediction of(int position) {
    int before = 0;
    for (List<Prediction> rows : predictions()) {
      if (position - 1 - before < rows.size()) {
        return rows.get(position - 1 - before);
      }
      before += rows.size();
    }
    throw new IllegalArgumentException(
        "position %d has no prediction: there are %d, from position 1 on"
            .formatted(position, before));
  }
}
