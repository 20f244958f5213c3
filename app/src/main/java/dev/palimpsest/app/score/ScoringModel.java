package dev.palimpsest.app.score;

import dev.palimpsest.api.LanguageModel;
import dev.palimpsest.api.ModelTraits;
import dev.palimpsest.app.options.ModelOptions;
import dev.palimpsest.app.terminal.Notices;
import dev.palimpsest.engine.Model;
import dev.palimpsest.engine.forward.Transformer;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.engine.text.Tokenizer;
import dev.palimpsest.sampler.method.ModelLimits;
import dev.palimpsest.sampler.run.Generator;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * A model that finds texts probable. It needs no tokenizer where all rows are ids.
 *
 * @param words its texts, if its folder has a tokenizer
 */
record ScoringModel(ModelSpec spec, Transformer transformer, Optional<Model> words)
    implements AutoCloseable {

  static ScoringModel load(ModelOptions options) {
    if (Tokenizer.isIn(options.folder())) {
      LanguageModel language = options.load(Optional.empty());
      Model model = language.model();
      return new ScoringModel(model.spec(), model.transformer(), Optional.of(model));
    }
    Map.Entry<ModelSpec, Transformer> loaded = options.loadTransformer();
    Notices.say(options.folder() + " has no tokenizer: rows need prompt_ids and completion_ids");
    return new ScoringModel(loaded.getKey(), loaded.getValue(), Optional.empty());
  }

  ModelLimits limits() {
    return ModelTraits.limits(spec);
  }

  Generator generator() {
    return new Generator(transformer, limits(), ModelTraits.specials(spec, OptionalInt.empty()));
  }

  @Override
  public void close() {
    words.ifPresentOrElse(Model::close, transformer::close);
  }
}
