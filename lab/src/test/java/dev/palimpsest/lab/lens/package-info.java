@NullMarked
package dev.palimpsest.lab.lens;

import org.jspecify.annotations.NullMarked;
