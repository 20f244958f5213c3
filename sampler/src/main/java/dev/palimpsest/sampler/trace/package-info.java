/**
 * A generation as a file: a header and a record per step, from which every canvas is rebuilt
 * exactly and any step can be run again. The format is described in {@code docs/trace.md}.
 */
@NullMarked
package dev.palimpsest.sampler.trace;

import org.jspecify.annotations.NullMarked;
