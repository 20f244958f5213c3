@NullMarked
package dev.palimpsest.app.generate;

import org.jspecify.annotations.NullMarked;
