/** The parts of the battery; {@code docs/battery.md} defines what each measures. */
@NullMarked
package dev.palimpsest.lab.battery.part;

import org.jspecify.annotations.NullMarked;
