/** The operations of a transformer, and the memory of one step that they work in. */
@NullMarked
package dev.palimpsest.engine.backend;

import org.jspecify.annotations.NullMarked;
