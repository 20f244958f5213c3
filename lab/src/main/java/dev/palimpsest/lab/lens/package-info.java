/** What the blocks of a model make of a text before it is written. */
@NullMarked
package dev.palimpsest.lab.lens;

import org.jspecify.annotations.NullMarked;
