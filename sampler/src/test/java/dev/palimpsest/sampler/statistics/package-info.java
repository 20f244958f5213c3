@NullMarked
package dev.palimpsest.sampler.statistics;

import org.jspecify.annotations.NullMarked;
