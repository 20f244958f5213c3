@NullMarked
package dev.palimpsest.sampler.canvas;

import org.jspecify.annotations.NullMarked;
