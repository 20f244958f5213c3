/** Models, requests and plain references that tests of samplers and of runs share. */
@NullMarked
package dev.palimpsest.sampler;

import org.jspecify.annotations.NullMarked;
