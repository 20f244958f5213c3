@NullMarked
package dev.palimpsest.sampler.method;

import org.jspecify.annotations.NullMarked;
