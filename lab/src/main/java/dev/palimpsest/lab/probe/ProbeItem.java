package dev.palimpsest.lab.probe;

import java.util.OptionalInt;

/**
 * What is known of one trace: its label, and the activations at some points of it.
 *
 * @param problem what it is about; items of one problem are never in both splits
 * @param label what a probe is to tell
 * @param steps the step of each point, ascending
 * @param compute FLOP from the beginning to the end of each of these steps
 * @param committed the step after which the answer stood
 * @param activations of each point, after each block
 */
public record ProbeItem(
    String problem,
    String label,
    int[] steps,
    double[] compute,
    OptionalInt committed,
    float[][][] activations) {}
