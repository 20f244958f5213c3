@NullMarked
package dev.palimpsest.app.trace;

import org.jspecify.annotations.NullMarked;
