package dev.palimpsest.sampler.run;

import dev.palimpsest.sampler.canvas.Snapshot;
import dev.palimpsest.step.Draw;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * How probable a causal model finds a given text: one forward over it, whose prediction at every
 * position scores the token behind it ({@link Prediction#targetLogProbability}).
 */
public final class Scoring implements Participant {
  private final int[] tokens;
  private final int alternatives;
  private List<Prediction> predictions = List.of();

  /**
   * A text to be scored; {@link Generator#scoring} checks it against the model.
   *
   * @param tokens at least one; copied
   * @param alternatives how many of the most probable ids every prediction names
   */
  Scoring(int[] tokens, int alternatives) {
    this.tokens = tokens.clone();
    this.alternatives = alternatives;
  }

  @Override
  public boolean finished() {
    return !predictions.isEmpty();
  }

  @Override
  public Query ask() {
    int[] rows = IntStream.range(0, tokens.length).toArray();
    int[] targets = Arrays.copyOfRange(tokens, 1, tokens.length + 1);
    // Nothing stands behind the last token; what its row scores is not handed out.
    targets[tokens.length - 1] = tokens[tokens.length - 1];
    return new Query(tokens, 0, rows, 0, Draw.GREEDY.naming(alternatives), Optional.empty())
        .scoring(targets);
  }

  @Override
  public Optional<Snapshot> accept(List<Prediction> answers, long elapsedNanos) {
    predictions = List.copyOf(answers);
    return Optional.empty();
  }

  @Override
  public long width() {
    return tokens.length;
  }

  /**
   * What is known of the token at a position, before it is read.
   *
   * @param position from 1; the text's length for the token that would come next, which has no
   *     target
   * @throws IllegalStateException if the forward has not been run
   */
  public Prediction of(int position) {
    if (!finished()) {
      throw new IllegalStateException("the text of " + tokens.length + " tokens is not scored yet");
    }
    return predictions.get(position - 1);
  }

  /** The logarithm of the probability of the token at a position, which is at least 1. */
  public double logProbability(int position) {
    if (position < 1 || position >= tokens.length) {
      throw new IllegalArgumentException(
          "position %d has no score: a text of %d tokens has scores at 1 to %d"
              .formatted(position, tokens.length, tokens.length - 1));
    }
    return of(position).targetLogProbability().orElseThrow();
  }
}
