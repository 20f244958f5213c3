/** The measures of a trace, as {@code docs/measures.md} defines them, and estimates over many. */
@NullMarked
package dev.palimpsest.lab.measure;

import org.jspecify.annotations.NullMarked;
