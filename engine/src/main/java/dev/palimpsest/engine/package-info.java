/**
 * Masked-diffusion transformers as pure functions of tokens: from a checkpoint to predictions.
 * Knows nothing of diffusion.
 */
@NullMarked
package dev.palimpsest.engine;

import org.jspecify.annotations.NullMarked;
