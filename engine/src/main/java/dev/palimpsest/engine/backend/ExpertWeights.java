package dev.palimpsest.engine.backend;

import java.util.Optional;

/**
 * The weights of a layer's experts, one after another.
 *
 * @param bias of the choice, [experts], if the router has one
 * @param scale of the chosen experts' weights, [experts], if the router has one
 * @param gateUp gate and up of every expert, [experts · 2 · width, hidden]
 * @param down [experts · hidden, width]
 */
public record ExpertWeights(
    Optional<Weight> bias, Optional<Weight> scale, Weight gateUp, Weight down) {
  /** Experts whose router has no scale. */
  public ExpertWeights(Optional<Weight> bias, Weight gateUp, Weight down) {
    this(bias, Optional.empty(), gateUp, down);
  }
}
