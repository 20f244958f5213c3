/** Programs that embed the engine; each takes the folder of a checkpoint. */
@NullMarked
package dev.palimpsest.examples;

import org.jspecify.annotations.NullMarked;
