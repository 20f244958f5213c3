@NullMarked
package dev.palimpsest.app.check;

import org.jspecify.annotations.NullMarked;
