package dev.palimpsest.lab.battery;

import java.util.List;
import java.util.function.Consumer;

/** One part of the battery: what is done with the text of a problem, and what comes of it. */
public interface Part {
  /** What its observations are called. */
  String name();

  /** Whether it needs a text that has an answer. */
  default boolean needsAnswer() {
    return true;
  }

  /**
   * Does it with one text. Runs on a thread of the problem's own, beside those of others.
   *
   * @param solution the text without a change
   * @param observed takes the observations, always in the same order
   */
  void measure(Solution solution, Consumer<Observation> observed);

  /** The numbers that are computed of its observations beside those of the cells. */
  default List<Figure> figures(Observed observed) {
    return List.of();
  }
}
