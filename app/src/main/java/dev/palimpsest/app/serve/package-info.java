/**
 * The server: requests on virtual threads, and one thread that owns the model and takes every step.
 * A request is a starting canvas and a schedule, whatever its route.
 */
@NullMarked
package dev.palimpsest.app.serve;

import org.jspecify.annotations.NullMarked;
