@NullMarked
package dev.palimpsest.app.compare;

import org.jspecify.annotations.NullMarked;
