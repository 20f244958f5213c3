@NullMarked
package dev.palimpsest.sampler.run;

import org.jspecify.annotations.NullMarked;
