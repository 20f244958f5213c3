/**
 * The operations on an NVIDIA GPU. A step's operations are written down as they are called and run
 * when a result is asked for: as one CUDA graph, if a step of the same shape was run before.
 */
@NullMarked
package dev.palimpsest.engine.backend.cuda;

import org.jspecify.annotations.NullMarked;
