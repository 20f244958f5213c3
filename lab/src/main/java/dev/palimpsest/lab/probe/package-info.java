/** What can be read off activations by a linear map, and when. */
@NullMarked
package dev.palimpsest.lab.probe;

import org.jspecify.annotations.NullMarked;
