/** Tests of {@code dev.palimpsest.app.score}. */
@NullMarked
package dev.palimpsest.app.score;

import org.jspecify.annotations.NullMarked;
