package dev.palimpsest.app;

import dev.palimpsest.engine.Model;
import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.sampler.intervention.Language;
import dev.palimpsest.sampler.statistics.Spans;
import java.util.regex.Pattern;

/** A model's tokenizer for interventions. */
final class Languages {
  private Languages() {}

  /** With the answer as the bundled models write it. */
  static Language of(Model model, SpecialTokens specials) {
    return of(model, specials, Spans.ANSWER);
  }

  /** With a pattern that finds the answer. */
  static Language of(Model model, SpecialTokens specials, Pattern answer) {
    return new Language(
        specials,
        model.tokenizer().vocabularySize(),
        model.tokenizer()::piece,
        model.tokenizer()::isText,
        model.tokenizer()::encode,
        model.tokenizer()::unknownWords,
        answer);
  }
}
