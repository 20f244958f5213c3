package dev.palimpsest.engine.backend.cuda;

import dev.palimpsest.bindings.cuda.DeviceMemory;
import dev.palimpsest.engine.backend.Store;

/**
 * Rows in the device's memory that outlive a step.
 *
 * @param memory [rows, columns], of the type of activations
 */
record CudaStore(int rows, int columns, DeviceMemory memory) implements Store {}
