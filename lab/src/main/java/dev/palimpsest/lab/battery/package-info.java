/**
 * The faithfulness battery: what a text's reasoning has to do with its answer, asked of many
 * problems by changing canvases and letting the model go on.
 */
@NullMarked
package dev.palimpsest.lab.battery;

import org.jspecify.annotations.NullMarked;
