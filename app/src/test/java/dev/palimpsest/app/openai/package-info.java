@NullMarked
package dev.palimpsest.app.openai;

import org.jspecify.annotations.NullMarked;
