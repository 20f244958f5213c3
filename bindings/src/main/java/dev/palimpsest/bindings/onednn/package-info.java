/** oneDNN's C API through the foreign function interface. */
@NullMarked
package dev.palimpsest.bindings.onednn;

import org.jspecify.annotations.NullMarked;
