@NullMarked
package dev.palimpsest.sampler.intervention;

import org.jspecify.annotations.NullMarked;
