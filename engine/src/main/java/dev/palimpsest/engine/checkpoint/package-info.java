/** A model's files, mapped and checked: safetensors and the JSON beside them. Knows no backend. */
@NullMarked
package dev.palimpsest.engine.checkpoint;

import org.jspecify.annotations.NullMarked;
