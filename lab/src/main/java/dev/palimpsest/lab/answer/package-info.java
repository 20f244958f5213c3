/** Where a text has its answer, and where its reasoning. */
@NullMarked
package dev.palimpsest.lab.answer;

import org.jspecify.annotations.NullMarked;
