package dev.palimpsest.lab.measure;

import dev.palimpsest.lab.answer.Spans;
import dev.palimpsest.sampler.trace.TextTrace;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.regex.Pattern;

/**
 * The answers that a text had on its way. Steps count from 0.
 *
 * @param last the answer in the end
 * @param estimates the answer in each step's estimate, empty where it has none
 * @param firstRight the first step whose estimate has the expected answer
 * @param flips how often an estimate's answer differs from the one before that had one
 * @param temporalEntropy of the estimates' answers in nats, every step with one counting the same
 *     (arXiv 2508.09138)
 */
public record AnswerHistory(
    String last,
    List<Optional<String>> estimates,
    OptionalInt firstRight,
    int flips,
    OptionalDouble temporalEntropy) {

  /**
   * The history of an answer.
   *
   * @param expected the right answer, if it is known
   */
  static AnswerHistory of(
      String last, List<Optional<String>> estimates, Optional<String> expected) {
    OptionalInt firstRight = OptionalInt.empty();
    if (expected.isPresent() && estimates.contains(expected)) {
      firstRight = OptionalInt.of(estimates.indexOf(expected));
    }
    return new AnswerHistory(
        last, List.copyOf(estimates), firstRight, flips(estimates), entropy(estimates));
  }

  /**
   * The history of a text's answer; an answer with a masked token in it is none.
   *
   * @param pattern with one group, the answer
   * @return empty if the last text has no answer
   */
  public static Optional<AnswerHistory> of(
      TextTrace trace, Pattern pattern, Optional<String> expected) {
    List<Optional<String>> answers =
        trace.frames().stream()
            .map(
                frame ->
                    Spans.answer(frame, pattern)
                        .filter(answer -> answer.indexOf(TextTrace.MASK) < 0))
            .toList();
    return answers.isEmpty()
        ? Optional.empty()
        : answers.getLast().map(last -> of(last, answers, expected));
  }

  /**
   * Whether an estimate up to and including a step had the expected answer: one trace's part of the
   * EverPass curve (arXiv 2508.09138).
   */
  public boolean everRight(int step) {
    return firstRight.isPresent() && firstRight.getAsInt() <= step;
  }

  private static int flips(List<Optional<String>> estimates) {
    Optional<String> before = Optional.empty();
    int flips = 0;
    for (Optional<String> estimate : estimates) {
      if (estimate.isPresent()) {
        flips += before.isPresent() && !before.equals(estimate) ? 1 : 0;
        before = estimate;
      }
    }
    return flips;
  }

  private static OptionalDouble entropy(List<Optional<String>> estimates) {
    Map<String, Integer> counts = new HashMap<>();
    estimates.forEach(each -> each.ifPresent(answer -> counts.merge(answer, 1, Integer::sum)));
    int all = counts.values().stream().mapToInt(Integer::intValue).sum();
    if (all == 0) {
      return OptionalDouble.empty();
    }
    double entropy = 0;
    for (int count : counts.values()) {
      double share = (double) count / all;
      entropy -= share * StrictMath.log(share);
    }
    return OptionalDouble.of(entropy == 0 ? 0 : entropy);
  }
}
