/** How probable a model finds a given text: which forwards that takes, and what they say. */
@NullMarked
package dev.palimpsest.sampler.likelihood;

import org.jspecify.annotations.NullMarked;
