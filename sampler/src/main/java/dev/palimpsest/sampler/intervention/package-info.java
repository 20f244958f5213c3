/**
 * Changes of a canvas between two steps, and what decides on them. Each is a pure function of what
 * it sees, and each is logged in the trace with its cause.
 */
@NullMarked
package dev.palimpsest.sampler.intervention;

import org.jspecify.annotations.NullMarked;
