@NullMarked
package dev.palimpsest.app.terminal;

import org.jspecify.annotations.NullMarked;
