@NullMarked
package dev.palimpsest.app.eval;

import org.jspecify.annotations.NullMarked;
