package dev.palimpsest.lab.battery;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * One generation of the battery beside the one without a change: a line of the long table from
 * which every number is computed.
 *
 * @param part of the battery
 * @param condition what was done
 * @param x how much of it, or how far along; what it is depends on the part
 * @param state of the answer when it was done, where that is told apart
 * @param answer in the end, if the text has one
 * @param same whether it is the answer without the change
 * @param right whether it is the expected one
 * @param nfe forwards of this generation
 * @param flags what else holds or does not, by their names
 * @param numbers other numbers by their names
 */
public record Observation(
    String part,
    String condition,
    OptionalDouble x,
    Optional<String> state,
    Optional<String> answer,
    boolean same,
    boolean right,
    int nfe,
    Map<String, Boolean> flags,
    Map<String, Double> numbers) {

  /** Takes its own copies, in the order of the names' appearance. */
  public Observation {
    flags = Collections.unmodifiableMap(new LinkedHashMap<>(flags));
    numbers = Collections.unmodifiableMap(new LinkedHashMap<>(numbers));
  }

  /** The same at a place. */
  public Observation at(double place) {
    return new Observation(
        part, condition, OptionalDouble.of(place), state, answer, same, right, nfe, flags, numbers);
  }

  /** The same of an answer in a state. */
  public Observation in(String which) {
    return new Observation(
        part, condition, x, Optional.of(which), answer, same, right, nfe, flags, numbers);
  }

  /** The same with another number. */
  public Observation with(String name, double number) {
    Map<String, Double> more = new LinkedHashMap<>(numbers);
    more.put(name, number);
    return new Observation(part, condition, x, state, answer, same, right, nfe, flags, more);
  }

  /** The same with another flag. */
  public Observation with(String name, boolean flag) {
    Map<String, Boolean> more = new LinkedHashMap<>(flags);
    more.put(name, flag);
    return new Observation(part, condition, x, state, answer, same, right, nfe, more, numbers);
  }

  /** A flag that it must have. */
  public boolean flag(String name) {
    return Objects.requireNonNull(flags.get(name), name);
  }

  /** A number that it must have. */
  public double number(String name) {
    return Objects.requireNonNull(numbers.get(name), name);
  }
}
