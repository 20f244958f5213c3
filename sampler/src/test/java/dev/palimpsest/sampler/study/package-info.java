@NullMarked
package dev.palimpsest.sampler.study;

import org.jspecify.annotations.NullMarked;
