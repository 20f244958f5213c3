package dev.palimpsest.app.intervention;

import dev.palimpsest.engine.Model;
import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.sampler.intervention.Language;

/** A model's tokenizer for interventions. */
public final class Languages {
  private Languages() {}

  public static Language of(Model model, SpecialTokens specials) {
    return new Language(
        specials,
        model.tokenizer().vocabularySize(),
        model.tokenizer()::piece,
        model.tokenizer()::isText,
        model.tokenizer()::encode,
        model.tokenizer()::unknownWords);
  }
}
