/** Generations: runs as state machines, and the one driver that steps many of them together. */
@NullMarked
package dev.palimpsest.sampler.run;

import org.jspecify.annotations.NullMarked;
