@NullMarked
package dev.palimpsest.app.intervention;

import org.jspecify.annotations.NullMarked;
