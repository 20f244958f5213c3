/** The front door for programs: a model joined with the samplers that fit it. */
@NullMarked
package dev.palimpsest.api;

import org.jspecify.annotations.NullMarked;
