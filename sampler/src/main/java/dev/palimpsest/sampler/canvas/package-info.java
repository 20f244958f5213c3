/**
 * The text being written: a canvas of token ids and their states, what a step does to it, and what
 * is told of the step. Knows nothing of tensors.
 */
@NullMarked
package dev.palimpsest.sampler.canvas;

import org.jspecify.annotations.NullMarked;
