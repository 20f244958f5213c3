package dev.palimpsest.engine.probe;

/**
 * What was at a hook in one sequence of one step.
 *
 * @param hook where
 * @param sequence the query's place in its forward
 * @param step the step's index, {@link dev.palimpsest.step.Draw#step}
 * @param positions indices into the sequence, ascending
 * @param rows of the matrix: a position has one, or one a head
 * @param columns of the matrix
 * @param values row by row
 */
public record Reading(
    Hook hook, int sequence, int step, int[] positions, int rows, int columns, float[] values) {}
