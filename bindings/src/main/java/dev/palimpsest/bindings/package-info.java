/** Native libraries as Java. */
@NullMarked
package dev.palimpsest.bindings;

import org.jspecify.annotations.NullMarked;
