/** The command {@code compare}: contestants on the same prompts, side by side. */
@NullMarked
package dev.palimpsest.app.compare;

import org.jspecify.annotations.NullMarked;
