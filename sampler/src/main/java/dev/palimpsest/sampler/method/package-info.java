/**
 * How a canvas is filled: a sampler is a pair of files, its options and its rule, and is a pure
 * function of canvas, cursor and predictions.
 */
@NullMarked
package dev.palimpsest.sampler.method;

import org.jspecify.annotations.NullMarked;
