/** What a transformer is, as data. Knows no backend. */
@NullMarked
package dev.palimpsest.engine.model;

import org.jspecify.annotations.NullMarked;
