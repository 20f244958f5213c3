@NullMarked
package dev.palimpsest.lab.probe;

import org.jspecify.annotations.NullMarked;
