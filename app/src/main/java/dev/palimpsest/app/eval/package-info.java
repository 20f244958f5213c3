/** The command {@code eval}: right answers to problems. */
@NullMarked
package dev.palimpsest.app.eval;

import org.jspecify.annotations.NullMarked;
