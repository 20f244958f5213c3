package dev.palimpsest.engine.model;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;

/**
 * The ids with a meaning of their own.
 *
 * @param mask stands for a masked position; a causal model has none
 * @param eos end a text, the usual one first; empty if the configuration names none
 * @param pad fills a text to a length, if the configuration names one
 */
public record TokenIds(OptionalInt mask, List<Integer> eos, OptionalInt pad) {
  /** Copies the list. */
  public TokenIds {
    eos = List.copyOf(eos);
  }

  /**
   * The same ids with others that end a text; the usual one stays the first if it is one of them.
   */
  TokenIds endingWith(List<Integer> ends) {
    Set<Integer> ordered = new LinkedHashSet<>();
    eos.stream().limit(1).filter(ends::contains).forEach(ordered::add);
    ordered.addAll(ends);
    return new TokenIds(mask, List.copyOf(ordered), pad);
  }
}
