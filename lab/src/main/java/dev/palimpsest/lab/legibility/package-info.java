/** How well texts can be read while they are being written. */
@NullMarked
package dev.palimpsest.lab.legibility;

import org.jspecify.annotations.NullMarked;
