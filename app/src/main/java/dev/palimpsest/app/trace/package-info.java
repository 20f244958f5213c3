/** Traces of generations: recording them, and the commands that read them. */
@NullMarked
package dev.palimpsest.app.trace;

import org.jspecify.annotations.NullMarked;
