/**
 * The command line as a whole: which commands there are, their help, and what is said of a wrong
 * one.
 */
@NullMarked
package dev.palimpsest.app;

import org.jspecify.annotations.NullMarked;
