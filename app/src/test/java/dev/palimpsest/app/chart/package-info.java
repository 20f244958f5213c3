@NullMarked
package dev.palimpsest.app.chart;

import org.jspecify.annotations.NullMarked;
