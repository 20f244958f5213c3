/** Text to token ids and back, and conversations to prompts. Knows no tensors. */
@NullMarked
package dev.palimpsest.engine.text;

import org.jspecify.annotations.NullMarked;
