/**
 * Whether a generation kept what {@code docs/GUARANTEE.md} promises, found out by doing it again.
 */
@NullMarked
package dev.palimpsest.sampler.audit;

import org.jspecify.annotations.NullMarked;
