package dev.palimpsest.lab.measure;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The temporal self-consistency vote (arXiv 2508.09138): the answers of the steps' estimates vote,
 * and the one whose votes weigh most wins. Of answers that weigh the same, the one that came first
 * wins.
 */
public enum TemporalVote {
  /** Every step weighs the same. */
  FIXED {
    @Override
    double weight(int step, int steps) {
      return 1;
    }
  },

  /**
   * Step s of T weighs (s + 1) / T. The votes are counted without the division, which changes no
   * winner and leaves sums exact.
   */
  LINEAR {
    @Override
    double weight(int step, int steps) {
      return step + 1;
    }
  },

  /** Step s of T weighs exp(5 s / T). */
  EXPONENTIAL {
    @Override
    double weight(int step, int steps) {
      return Math.exp(5.0 * step / steps);
    }
  };

  abstract double weight(int step, int steps);

  /** The answer that wins, as {@link #outcome}. */
  public Optional<String> winner(List<Optional<String>> answers) {
    return outcome(answers).map(Outcome::answer);
  }

  /**
   * An answer that has won.
   *
   * @param share of all weights that it has
   */
  public record Outcome(String answer, double share) {}

  /**
   * The answer that wins, and by how much.
   *
   * @param answers of all steps, from the first; empty for a step that has none and does not vote
   * @return empty if no step has an answer
   */
  public Optional<Outcome> outcome(List<Optional<String>> answers) {
    Map<String, Double> votes = new LinkedHashMap<>();
    double all = 0;
    for (int step = 0; step < answers.size(); step++) {
      if (answers.get(step).isPresent()) {
        double weight = weight(step, answers.size());
        votes.merge(answers.get(step).get(), weight, Double::sum);
        all += weight;
      }
    }
    Optional<Outcome> winner = Optional.empty();
    double most = 0;
    for (Map.Entry<String, Double> answer : votes.entrySet()) {
      if (answer.getValue() > most) {
        most = answer.getValue();
        winner = Optional.of(new Outcome(answer.getKey(), most / all));
      }
    }
    return winner;
  }
}
