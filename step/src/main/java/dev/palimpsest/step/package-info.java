/**
 * The guarantee as types: a step is a function of tokens, and tells a few scalars a row. Whoever
 * knows these types alone cannot carry an activation from one step to the next.
 */
@NullMarked
package dev.palimpsest.step;

import org.jspecify.annotations.NullMarked;
