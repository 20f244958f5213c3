@NullMarked
package dev.palimpsest.lab.plan;

import org.jspecify.annotations.NullMarked;
