/** The command {@code score}: a file of texts in, their likelihoods out. */
@NullMarked
package dev.palimpsest.app.score;

import org.jspecify.annotations.NullMarked;
