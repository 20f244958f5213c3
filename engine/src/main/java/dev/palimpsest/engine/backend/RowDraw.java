package dev.palimpsest.engine.backend;

import dev.palimpsest.step.Draw;

/**
 * How the token of one row is drawn.
 *
 * @param draw temperature, seed and banned ids
 * @param position the row's position in its sequence, part of the random key
 */
public record RowDraw(Draw draw, int position) {}
