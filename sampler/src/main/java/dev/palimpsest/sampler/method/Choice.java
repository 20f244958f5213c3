package dev.palimpsest.sampler.method;

import java.util.List;
import java.util.Locale;

/** Options whose value is one of a few names. */
final class Choice {
  private Choice() {}

  /** The name of a value in options: {@code low_confidence} of {@code LOW_CONFIDENCE}. */
  static String name(Enum<?> value) {
    return value.name().toLowerCase(Locale.ROOT);
  }

  /**
   * The value of that name.
   *
   * @throws InvalidOptionException if there is none
   */
  static <E extends Enum<E>> E parse(String option, String name, List<E> known) {
    return known.stream()
        .filter(value -> name(value).equals(name))
        .findFirst()
        .orElseThrow(() -> unknown(option, name, known.stream().map(Choice::name).toList()));
  }

  private static InvalidOptionException unknown(String option, String name, List<String> known) {
    int last = known.size() - 1;
    return new InvalidOptionException(
        option,
        name,
        "is unknown: use " + String.join(", ", known.subList(0, last)) + " or " + known.get(last));
  }
}
