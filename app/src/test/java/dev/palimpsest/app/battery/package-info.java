@NullMarked
package dev.palimpsest.app.battery;

import org.jspecify.annotations.NullMarked;
