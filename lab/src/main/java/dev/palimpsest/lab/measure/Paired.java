package dev.palimpsest.lab.measure;

/** Two values for each item. */
final class Paired {
  private Paired() {}

  /** How many items there are, given how many values of either kind. */
  static int items(int some, int other) {
    if (some != other) {
      throw new IllegalArgumentException(
          "%d values are beside %d: both must be of the same items".formatted(some, other));
    }
    return some;
  }
}
