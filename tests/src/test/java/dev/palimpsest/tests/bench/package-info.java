/**
 * Benchmarks: JMH classes, one a question, and the engine's side of the comparison with PyTorch.
 */
@NullMarked
package dev.palimpsest.tests.bench;

import org.jspecify.annotations.NullMarked;
