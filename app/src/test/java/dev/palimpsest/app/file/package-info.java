@NullMarked
package dev.palimpsest.app.file;

import org.jspecify.annotations.NullMarked;
