/** The command {@code findings}: an experiment over many problems, and its page. */
@NullMarked
package dev.palimpsest.app.findings;

import org.jspecify.annotations.NullMarked;
