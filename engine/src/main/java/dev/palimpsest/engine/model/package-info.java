/** Transformers as data, and the families that describe theirs so. Knows no backend. */
@NullMarked
package dev.palimpsest.engine.model;

import org.jspecify.annotations.NullMarked;
