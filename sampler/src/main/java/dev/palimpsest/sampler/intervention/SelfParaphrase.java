package dev.palimpsest.sampler.intervention;

import dev.palimpsest.step.Alternative;
import dev.palimpsest.step.Draw;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.IntStream;

/**
 * Lets the model write filled positions in words of its own: they are masked together and filled
 * again, the surest first, a forward each. No position gets the token that it had, or one that
 * stands for no text.
 *
 * @param region where
 * @param share of the filled positions there, each chosen by itself
 * @param numbersToo whether digits and signs may be written anew
 * @param most positions, of the chosen ones those at random, and so forwards
 */
public record SelfParaphrase(Region region, double share, boolean numbersToo, int most)
    implements StepTransform {
  private static final int[] NONE = {};

  @Override
  public String name() {
    return "paraphrase";
  }

  @Override
  public int mostForwards() {
    return most;
  }

  @Override
  public Decision decide(StepContext context) {
    List<Integer> left =
        region.positions(context).stream()
            .filter(context::isText)
            .filter(position -> numbersToo || !Remask.isNumber(context.piece(position)))
            .filter(position -> context.uniform(position, 0) < share)
            .sorted(Comparator.comparingDouble(position -> context.uniform(position, 1)))
            .limit(most)
            .sorted()
            .toList();
    return fill(context, left, new TreeMap<>());
  }

  /** Asks for the positions that are left; those that are written already stand on the canvas. */
  private Decision fill(
      StepContext context, List<Integer> left, SortedMap<Integer, Integer> writes) {
    if (left.isEmpty()) {
      String cause =
          "self in %s: %d tokens in other words".formatted(region.label(), writes.size());
      return new Decision.Act(Change.write(cause, writes));
    }
    int[] ids = context.canvas().ids();
    left.forEach(position -> ids[position] = context.language().specials().maskId());
    writes.forEach((position, id) -> ids[position] = id);
    int[] rows = left.stream().mapToInt(Integer::intValue).toArray();
    // Of two alternatives at most one is the token that stood there.
    Draw draw = new Draw(0, Optional.empty(), 0, 0, undrawn(context.language()), NONE).naming(2);
    return new Decision.Ask(
        new Query(ids, 0, rows, 0, draw, Optional.empty()),
        predictions -> {
          Choice choice = surest(context, rows, predictions);
          SortedMap<Integer, Integer> more = new TreeMap<>(writes);
          more.put(choice.position(), choice.token());
          return fill(
              context,
              left.stream().filter(position -> position != choice.position()).toList(),
              more);
        });
  }

  private static Choice surest(StepContext context, int[] rows, List<Prediction> predictions) {
    return IntStream.range(0, rows.length)
        .mapToObj(row -> choice(rows[row], context.canvas().id(rows[row]), predictions.get(row)))
        .max(
            Comparator.comparingDouble(Choice::probability)
                .thenComparing(Choice::position, Comparator.reverseOrder()))
        .orElseThrow();
  }

  private static Choice choice(int position, int old, Prediction prediction) {
    Alternative other =
        prediction.alternatives().stream()
            .filter(each -> each.token() != old)
            .findFirst()
            .orElseThrow(
                () -> new IllegalArgumentException("the vocabulary has one word, and so no other"));
    return new Choice(position, other.token(), other.probability());
  }

  private static int[] undrawn(Language language) {
    return IntStream.range(0, language.vocabulary()).filter(id -> !language.isWord(id)).toArray();
  }

  private record Choice(int position, int token, double probability) {}
}
