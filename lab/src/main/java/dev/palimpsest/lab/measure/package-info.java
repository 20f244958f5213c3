/** Measures of a trace and statistics of many, as {@code docs/measures.md} defines them. */
@NullMarked
package dev.palimpsest.lab.measure;

import org.jspecify.annotations.NullMarked;
