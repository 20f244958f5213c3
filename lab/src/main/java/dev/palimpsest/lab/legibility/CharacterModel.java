package dev.palimpsest.lab.legibility;

import dev.palimpsest.sampler.trace.TextTrace;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;

/**
 * A model of characters by the {@value #CONTEXT} before each: counts in texts, interpolated with
 * those of shorter contexts (Witten and Bell, "The zero-frequency problem: estimating the
 * probabilities of novel events in adaptive text compression", IEEE Transactions on Information
 * Theory 37, 1991). It knows how texts of a kind look, and nothing of what they say.
 */
public final class CharacterModel {
  private static final int CONTEXT = 4;
  private static final int START = 2; // the control character that begins a text

  private final Map<List<Integer>, Map<Integer, Integer>> counts = new HashMap<>();

  /** A model of texts; what is masked in them is left out. */
  public CharacterModel(List<String> texts) {
    for (String text : texts) {
      List<Integer> read = read(text);
      for (int at = CONTEXT; at < read.size(); at++) {
        for (int length = 0; length <= CONTEXT; length++) {
          counts
              .computeIfAbsent(List.copyOf(read.subList(at - length, at)), _ -> new HashMap<>())
              .merge(read.get(at), 1, Integer::sum);
        }
      }
    }
  }

  /** The characters behind what stands for the beginning. */
  private static List<Integer> read(String text) {
    List<Integer> characters = new ArrayList<>(List.of(START, START, START, START));
    text.codePoints().filter(each -> each != TextTrace.MASK).forEach(characters::add);
    return characters;
  }

  /**
   * How surprising a text is: the mean over its characters of -ln p, in nats; what is masked is
   * left out, so that what stands around it meets.
   *
   * @return empty if nothing but masks is there
   */
  public OptionalDouble nats(String text) {
    List<Integer> read = read(text);
    double sum = 0;
    for (int at = CONTEXT; at < read.size(); at++) {
      sum -= StrictMath.log(probability(read.get(at), read.subList(at - CONTEXT, at)));
    }
    int length = read.size() - CONTEXT;
    return length == 0 ? OptionalDouble.empty() : OptionalDouble.of(sum / length);
  }

  /**
   * The probability of a character behind a context: (count + kinds · p(shorter context)) / (all +
   * kinds), where {@code kinds} is how many different characters followed the context; below the
   * empty context every known character, and all unknown ones together, are equally likely.
   */
  double probability(int character, List<Integer> context) {
    Map<Integer, Integer> followers = counts.getOrDefault(context, Map.of());
    double shorter =
        context.isEmpty()
            ? 1.0 / (followers.size() + 1)
            : probability(character, context.subList(1, context.size()));
    int all = followers.values().stream().mapToInt(Integer::intValue).sum();
    int kinds = followers.size();
    return all == 0
        ? shorter
        : (followers.getOrDefault(character, 0) + kinds * shorter) / (all + kinds);
  }
}
