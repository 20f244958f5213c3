@NullMarked
package dev.palimpsest.spark;

import org.jspecify.annotations.NullMarked;
