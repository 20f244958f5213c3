package dev.palimpsest.sampler;

import dev.palimpsest.engine.model.ModelSpec;

/**
 * What a model can take.
 *
 * @param vocabulary ids are in {@code [0, vocabulary)}
 * @param maxLength longest sequence, prompt and text together
 */
public record ModelLimits(int vocabulary, int maxLength) {

  /** The limits of a model. */
  public static ModelLimits of(ModelSpec spec) {
    return new ModelLimits(spec.vocabulary(), spec.maxLength());
  }

  /**
   * Checks a request against the model. An empty prompt is allowed: the text is then written from
   * nothing.
   *
   * @throws InvalidOptionException if an id is no token, or prompt and text are longer than the
   *     model takes
   */
  void require(int[] prompt, SamplingOptions options) {
    if (prompt.length >= maxLength) {
      throw new InvalidOptionException(
          "prompt",
          "of " + prompt.length + " tokens",
          "leaves no room to write: the model takes "
              + maxLength
              + " tokens, prompt and text together");
    }
    int room = maxLength - prompt.length;
    if (options.genLength() > room) {
      throw new InvalidOptionException(
          "--gen-length",
          options.genLength(),
          "and a prompt of "
              + prompt.length
              + " tokens are more than the "
              + maxLength
              + " the model takes: use up to "
              + room);
    }
    for (int position = 0; position < prompt.length; position++) {
      if (prompt[position] < 0 || prompt[position] >= vocabulary) {
        throw new InvalidOptionException(
            "prompt",
            "id " + prompt[position],
            "at position " + position + " is no token: ids are 0 to " + (vocabulary - 1));
      }
    }
  }
}
