@NullMarked
package dev.palimpsest.sampler.audit;

import org.jspecify.annotations.NullMarked;
