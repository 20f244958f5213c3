/** {@code lens} and {@code probe}: what is inside the steps of a trace. */
@NullMarked
package dev.palimpsest.app.lens;

import org.jspecify.annotations.NullMarked;
