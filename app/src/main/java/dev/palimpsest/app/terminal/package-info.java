/**
 * The command line and its terminal: what it is asked for, connected to, and says beside its
 * output.
 */
@NullMarked
package dev.palimpsest.app.terminal;

import org.jspecify.annotations.NullMarked;
