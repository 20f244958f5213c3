package dev.palimpsest.sampler;

/**
 * A position that a step filled.
 *
 * @param position in the canvas
 * @param token the id written
 * @param confidence the probability of that id, without noise and without temperature; 0 for an id
 *     that was left out of the softmax
 * @param entropy of the position's distribution, in nats
 * @param margin between its two most probable ids
 */
public record Commit(int position, int token, double confidence, double entropy, double margin) {}
