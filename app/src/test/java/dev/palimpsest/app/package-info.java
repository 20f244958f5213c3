@NullMarked
package dev.palimpsest.app;

import org.jspecify.annotations.NullMarked;
