@NullMarked
package dev.palimpsest.examples;

import org.jspecify.annotations.NullMarked;
