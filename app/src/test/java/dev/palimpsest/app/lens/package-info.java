/** Tests of {@code dev.palimpsest.app.lens}. */
@NullMarked
package dev.palimpsest.app.lens;

import org.jspecify.annotations.NullMarked;
