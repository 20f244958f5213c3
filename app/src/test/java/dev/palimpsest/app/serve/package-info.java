@NullMarked
package dev.palimpsest.app.serve;

import org.jspecify.annotations.NullMarked;
