/** The commands that check: a model, this machine, the arithmetic and the guarantee. */
@NullMarked
package dev.palimpsest.app.check;

import org.jspecify.annotations.NullMarked;
