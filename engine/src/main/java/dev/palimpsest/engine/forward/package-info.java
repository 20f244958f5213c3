/** The one forward pass, over the operations of any backend. */
@NullMarked
package dev.palimpsest.engine.forward;

import org.jspecify.annotations.NullMarked;
