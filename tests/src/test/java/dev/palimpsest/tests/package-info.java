/** Tests that span modules. */
@NullMarked
package dev.palimpsest.tests;

import org.jspecify.annotations.NullMarked;
