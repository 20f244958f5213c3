package dev.palimpsest.sampler.canvas;

/**
 * A random id that a step puts where it accepts nothing.
 *
 * @param position in the canvas, not filled from then on
 * @param id that stands there until another step
 */
public record Noise(int position, int id) {}
