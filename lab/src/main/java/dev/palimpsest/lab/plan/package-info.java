/** Interventions as people write them down, and those that know arithmetic or answers. */
@NullMarked
package dev.palimpsest.lab.plan;

import org.jspecify.annotations.NullMarked;
