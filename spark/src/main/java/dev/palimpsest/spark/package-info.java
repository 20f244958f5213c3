/**
 * Batch over many machines: completions as a column operation of Apache Spark. Spark's jars share
 * packages, so there are no modules of it to require, and this package is used from the class path.
 */
@NullMarked
package dev.palimpsest.spark;

import org.jspecify.annotations.NullMarked;
