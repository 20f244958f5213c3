@NullMarked
package dev.palimpsest.lab.battery;

import org.jspecify.annotations.NullMarked;
