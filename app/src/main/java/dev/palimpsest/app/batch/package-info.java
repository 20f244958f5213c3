/** The command {@code batch}: a file of prompts in, a file of texts out. */
@NullMarked
package dev.palimpsest.app.batch;

import org.jspecify.annotations.NullMarked;
