/** What a result was made with: the model, the machine and the sources. */
@NullMarked
package dev.palimpsest.app.provenance;

import org.jspecify.annotations.NullMarked;
