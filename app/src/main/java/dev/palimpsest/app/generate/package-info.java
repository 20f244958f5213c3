/** The command {@code generate}, and the canvas as it fills. */
@NullMarked
package dev.palimpsest.app.generate;

import org.jspecify.annotations.NullMarked;
