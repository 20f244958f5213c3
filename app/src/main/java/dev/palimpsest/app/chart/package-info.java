/** Charts as SVG, and foreign text in pages. */
@NullMarked
package dev.palimpsest.app.chart;

import org.jspecify.annotations.NullMarked;
