/** Tests of {@code dev.palimpsest.app.batch}. */
@NullMarked
package dev.palimpsest.app.batch;

import org.jspecify.annotations.NullMarked;
