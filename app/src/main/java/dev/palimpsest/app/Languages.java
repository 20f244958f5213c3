package dev.palimpsest.app;

import dev.palimpsest.engine.Model;
import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.sampler.intervention.Language;

/** A model's tokenizer for interventions. */
final class Languages {
  private Languages() {}

  static Language of(Model model, SpecialTokens specials) {
    return new Language(
        specials,
        model.tokenizer().vocabularySize(),
        model.tokenizer()::piece,
        model.tokenizer()::isText,
        model.tokenizer()::encode,
        model.tokenizer()::unknownWords);
  }
}
