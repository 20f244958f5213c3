@NullMarked
package dev.palimpsest.engine.text.jinja;

import org.jspecify.annotations.NullMarked;
