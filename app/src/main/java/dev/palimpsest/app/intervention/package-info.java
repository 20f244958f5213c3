/** What interventions need beside a model: its words, and paraphrases from a server. */
@NullMarked
package dev.palimpsest.app.intervention;

import org.jspecify.annotations.NullMarked;
