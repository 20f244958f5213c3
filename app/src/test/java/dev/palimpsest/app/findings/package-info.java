@NullMarked
package dev.palimpsest.app.findings;

import org.jspecify.annotations.NullMarked;
