/**
 * Masked diffusion as state machines over token ids: canvases, schedules, selection rules and the
 * driver that runs many of them over one model. Knows nothing of tensors.
 */
@NullMarked
package dev.palimpsest.sampler;

import org.jspecify.annotations.NullMarked;
