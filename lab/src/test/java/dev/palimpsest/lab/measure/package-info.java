@NullMarked
package dev.palimpsest.lab.measure;

import org.jspecify.annotations.NullMarked;
