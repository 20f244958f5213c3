package dev.palimpsest.step;

/**
 * An id that could stand in a row.
 *
 * @param token its id
 * @param probability of it; 0 for an id that was left out of the softmax
 */
public record Alternative(int token, double probability) {}
