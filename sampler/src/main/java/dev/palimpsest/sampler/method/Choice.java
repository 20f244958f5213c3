package dev.palimpsest.sampler.method;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** Options whose value is one of a few names. */
final class Choice {
  private Choice() {}

  /** {@code LOW_CONFIDENCE} as {@code low_confidence}. */
  static String name(Enum<?> value) {
    return value.name().toLowerCase(Locale.ROOT);
  }

  /**
   * The value of that name.
   *
   * @throws InvalidOptionException if there is none
   */
  static <E extends Enum<E>> E parse(String option, String name, Class<E> type) {
    for (E value : type.getEnumConstants()) {
      if (name(value).equals(name)) {
        return value;
      }
    }
    List<String> names = Arrays.stream(type.getEnumConstants()).map(Choice::name).toList();
    int last = names.size() - 1;
    throw new InvalidOptionException(
        option,
        name,
        "is unknown: use " + String.join(", ", names.subList(0, last)) + " or " + names.get(last));
  }
}
