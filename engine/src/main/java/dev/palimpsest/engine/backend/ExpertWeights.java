package dev.palimpsest.engine.backend;

import java.util.Optional;

/**
 * The weights of a layer's experts, one after another.
 *
 * @param bias of the choice, [experts], if the router has one
 * @param gateUp gate and up of every expert, [experts · 2 · width, hidden]
 * @param down [experts · hidden, width]
 */
public record ExpertWeights(Optional<Weight> bias, Weight gateUp, Weight down) {}
