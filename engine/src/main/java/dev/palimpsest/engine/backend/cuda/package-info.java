/**
 * The operations on an NVIDIA GPU. A step's operations are written down as they are called and run
 * when a result is asked for: as one CUDA graph, if a step of the same shape was run before.
 *
 * <p>What a step found out, 64 or 72 bytes a row, is copied into pinned memory at its end, in its
 * own stream: the next step is decided by it on the host, so nothing could overlap. Whoever listens
 * to the steps gets copies of that and is never waited for here.
 */
@NullMarked
package dev.palimpsest.engine.backend.cuda;

import org.jspecify.annotations.NullMarked;
