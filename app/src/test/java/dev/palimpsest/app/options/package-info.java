@NullMarked
package dev.palimpsest.app.options;

import org.jspecify.annotations.NullMarked;
