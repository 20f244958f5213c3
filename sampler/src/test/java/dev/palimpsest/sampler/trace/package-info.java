@NullMarked
package dev.palimpsest.sampler.trace;

import org.jspecify.annotations.NullMarked;
