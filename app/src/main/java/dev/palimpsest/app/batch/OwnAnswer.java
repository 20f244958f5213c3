package dev.palimpsest.app.batch;

import dev.palimpsest.api.Completion;
import dev.palimpsest.api.LanguageModel;
import dev.palimpsest.sampler.run.Generation;
import java.util.Optional;

/**
 * The answer to a row of the own form: one text.
 *
 * @param seed of its randomness
 */
record OwnAnswer(LanguageModel language, ResultForm form, long row, String id, long seed)
    implements Answer {
  @Override
  public Optional<Result> ended(int text, Generation generation) {
    return Optional.of(result(Completion.of(id, language.text(generation), seed)));
  }

  @Override
  public Result failed(RuntimeException failure) {
    return failed(String.valueOf(failure.getMessage()));
  }

  /** The result of a row that cannot be asked. */
  Result failed(String error) {
    return result(Completion.failed(id, seed, error));
  }

  private Result result(Completion completion) {
    return new Result(
        row,
        id,
        form.line(row, completion),
        completion.tokens().size(),
        completion.nfe(),
        Optional.ofNullable(completion.error()));
  }
}
