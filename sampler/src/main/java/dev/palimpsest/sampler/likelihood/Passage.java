package dev.palimpsest.sampler.likelihood;

/**
 * A text whose likelihood is asked for.
 *
 * @param prompt ids that are given; may be empty
 * @param completion ids whose probability behind them is wanted
 */
public record Passage(int[] prompt, int[] completion) {
  /** Takes its own copies. */
  public Passage {
    prompt = prompt.clone();
    completion = completion.clone();
  }

  /** A copy of the prompt. */
  @Override
  public int[] prompt() {
    return prompt.clone();
  }

  /** A copy of the completion. */
  @Override
  public int[] completion() {
    return completion.clone();
  }

  /** Tokens of both. */
  public int length() {
    return prompt.length + completion.length;
  }
}
