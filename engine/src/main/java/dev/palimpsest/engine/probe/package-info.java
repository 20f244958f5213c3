/** Looking inside a step: which activations are wanted, and what they are. */
@NullMarked
package dev.palimpsest.engine.probe;

import org.jspecify.annotations.NullMarked;
