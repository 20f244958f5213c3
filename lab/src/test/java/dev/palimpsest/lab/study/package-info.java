@NullMarked
package dev.palimpsest.lab.study;

import org.jspecify.annotations.NullMarked;
