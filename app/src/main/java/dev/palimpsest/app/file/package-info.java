/**
 * What commands read and write: problems, traces, journals, JSON, and files replaced as a whole.
 */
@NullMarked
package dev.palimpsest.app.file;

import org.jspecify.annotations.NullMarked;
