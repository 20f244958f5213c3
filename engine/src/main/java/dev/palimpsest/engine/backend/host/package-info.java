/**
 * The operations on the CPU: matrix products by oneDNN or the Vector API, the rest by the Vector
 * API, on all cores.
 *
 * <p>Results are the same bits whether a method is interpreted or compiled: no {@code reduceLanes}
 * of floats (its order is unspecified), no library {@code exp} in a vector (its fallback differs),
 * {@code StrictMath} for scalars.
 */
@NullMarked
package dev.palimpsest.engine.backend.host;

import org.jspecify.annotations.NullMarked;
