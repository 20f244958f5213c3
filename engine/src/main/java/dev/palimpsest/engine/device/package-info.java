/** What a caller says of the device that computes, and hears of it. */
@NullMarked
package dev.palimpsest.engine.device;

import org.jspecify.annotations.NullMarked;
