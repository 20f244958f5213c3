/**
 * Every kernel, run on the CPU by {@code native}'s shim, against a plain reference in double
 * precision.
 *
 * <p>Every launch of these tests runs twice, the threads of a block in ascending and in descending
 * order, and both must write the same bytes; every buffer lies between guard bytes; outputs hold
 * poison before; inputs must stay as they are.
 */
@NullMarked
package dev.palimpsest.tests.kernels;

import org.jspecify.annotations.NullMarked;
