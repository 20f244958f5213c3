package dev.palimpsest.sampler.method;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.Set;

/**
 * Options by name, read one by one; what has not been read in the end is no option of the sampler.
 */
final class OptionValues {
  private final Map<String, ?> values;
  private final Set<String> known = new LinkedHashSet<>();

  OptionValues(Map<String, ?> values) {
    this.values = values;
  }

  int integer(String name, int otherwise) {
    long value = wholeNumber(name, otherwise);
    if (value != (int) value) {
      throw new InvalidOptionException(name, value, "is too large for a count");
    }
    return (int) value;
  }

  OptionalInt optionalInteger(String name) {
    return value(name).isPresent() ? OptionalInt.of(integer(name, 0)) : OptionalInt.empty();
  }

  long wholeNumber(String name, long otherwise) {
    return switch (value(name).orElse(otherwise)) {
      case Integer value -> value;
      case Long value -> value;
      case Object value ->
          throw new InvalidOptionException(name, value, "is invalid: use a whole number");
    };
  }

  double number(String name, double otherwise) {
    return optionalNumber(name).orElse(otherwise);
  }

  OptionalDouble optionalNumber(String name) {
    Optional<Object> given = value(name);
    if (given.isEmpty()) {
      return OptionalDouble.empty();
    }
    if (given.get() instanceof Number number) {
      return OptionalDouble.of(number.doubleValue());
    }
    throw new InvalidOptionException(name, given.get(), "is invalid: use a number");
  }

  boolean flag(String name, boolean otherwise) {
    Object value = value(name).orElse(otherwise);
    if (value instanceof Boolean flag) {
      return flag;
    }
    throw new InvalidOptionException(name, value, "is invalid: use true or false");
  }

  String word(String name, String otherwise) {
    return value(name).map(Object::toString).orElse(otherwise);
  }

  Remasking remasking(Remasking otherwise, List<Remasking> known) {
    return Choice.parse("remasking", word("remasking", otherwise.optionName()), known);
  }

  /**
   * Call when everything is read.
   *
   * @throws InvalidOptionException if an option is left over
   */
  void requireAllKnown(String samplerName) {
    List<String> unknown = new ArrayList<>(values.keySet());
    unknown.removeAll(known);
    if (!unknown.isEmpty()) {
      String name = unknown.getFirst();
      List<String> owners =
          SamplingOptions.SAMPLERS.stream()
              .filter(sampler -> SamplingOptions.names(sampler).contains(name))
              .toList();
      throw new InvalidOptionException(
          name,
          String.valueOf(values.get(name)),
          "is no option of the sampler "
              + samplerName
              + (owners.isEmpty()
                  ? ", which takes "
                      + String.join(", ", known.stream().map("{%s}"::formatted).toList())
                  : ", but of " + String.join(" and ", owners)));
    }
  }

  private Optional<Object> value(String name) {
    known.add(name);
    return Optional.ofNullable(values.get(name));
  }
}
