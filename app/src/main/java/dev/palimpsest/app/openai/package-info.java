/**
 * OpenAI's requests and answers as values: parameters in, bodies out. Knows no server; batch files
 * have the same bodies.
 */
@NullMarked
package dev.palimpsest.app.openai;

import org.jspecify.annotations.NullMarked;
