/** Native libraries and temporary files where only the user can write. */
@NullMarked
package dev.palimpsest.unpack;

import org.jspecify.annotations.NullMarked;
