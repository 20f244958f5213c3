@NullMarked
package dev.palimpsest.jinja;

import org.jspecify.annotations.NullMarked;
