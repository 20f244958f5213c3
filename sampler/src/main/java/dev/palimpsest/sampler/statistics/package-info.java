/**
 * What can be read off a trace without a model: the order of writing, and what became of answers.
 */
@NullMarked
package dev.palimpsest.sampler.statistics;

import org.jspecify.annotations.NullMarked;
