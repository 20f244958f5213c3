@NullMarked
package dev.palimpsest.sampler.likelihood;

import org.jspecify.annotations.NullMarked;
