/**
 * Jinja as chat templates use it, rendered as Jinja2 renders it. Template engines for Java that
 * call themselves Jinja differ from it where these templates live: in precedence, in scopes, in
 * slices and in Python's methods.
 */
@NullMarked
package dev.palimpsest.jinja;

import org.jspecify.annotations.NullMarked;
