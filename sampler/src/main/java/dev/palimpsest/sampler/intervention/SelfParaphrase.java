package dev.palimpsest.sampler.intervention;

import dev.palimpsest.step.Alternative;
import dev.palimpsest.step.Denoiser;
import dev.palimpsest.step.Draw;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
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
 * @param denoiser the model
 */
public record SelfParaphrase(
    Region region, double share, boolean numbersToo, int most, Denoiser denoiser)
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
  public Optional<Change> change(Moment moment) {
    List<Integer> left =
        new ArrayList<>(
            region.positions(moment).stream()
                .filter(moment::isText)
                .filter(position -> numbersToo || !Remask.isNumber(moment.piece(position)))
                .filter(position -> moment.uniform(position, 0) < share)
                .sorted(Comparator.comparingDouble(position -> moment.uniform(position, 1)))
                .limit(most)
                .sorted()
                .toList());
    int[] ids = moment.canvas().ids();
    left.forEach(position -> ids[position] = moment.language().specials().maskId());
    TreeMap<Integer, Integer> writes = new TreeMap<>();
    int forwards = 0;
    while (!left.isEmpty()) {
      Choice choice = surest(moment, ids, left);
      forwards++;
      ids[choice.position()] = choice.token();
      writes.put(choice.position(), choice.token());
      left.remove(Integer.valueOf(choice.position()));
    }
    String cause = "self in %s: %d tokens in other words".formatted(region.label(), writes.size());
    return Optional.of(new Change(cause, writes, List.of(), forwards, false));
  }

  private Choice surest(Moment moment, int[] ids, List<Integer> left) {
    int[] rows = left.stream().mapToInt(Integer::intValue).toArray();
    // Of two alternatives at most one is the token that stood there.
    Draw draw = new Draw(0, Optional.empty(), 0, 0, undrawn(moment.language()), NONE).naming(2);
    Query query = new Query(ids.clone(), 0, rows, 0, draw, Optional.empty());
    List<Prediction> predictions = denoiser.predict(List.of(query)).getFirst();
    return IntStream.range(0, rows.length)
        .mapToObj(row -> choice(rows[row], moment.canvas().id(rows[row]), predictions.get(row)))
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
