/**
 * An experiment over many problems: when answers are committed, what a change of the reasoning does
 * to them, and what sampling again is worth.
 */
@NullMarked
package dev.palimpsest.lab.study;

import org.jspecify.annotations.NullMarked;
