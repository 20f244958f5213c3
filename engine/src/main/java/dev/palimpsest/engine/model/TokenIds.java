package dev.palimpsest.engine.model;

import java.util.List;
import java.util.OptionalInt;

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
}
