package dev.palimpsest.app.openai;

import tools.jackson.databind.node.ObjectNode;

/**
 * What an answer cost.
 *
 * @param promptTokens of all its prompts
 * @param completionTokens of all its texts, without what ends them
 */
public record Usage(int promptTokens, int completionTokens) {
  /** Both together. */
  public Usage plus(Usage other) {
    return new Usage(promptTokens + other.promptTokens, completionTokens + other.completionTokens);
  }

  void putInto(ObjectNode body) {
    body.putObject("usage")
        .put("prompt_tokens", promptTokens)
        .put("completion_tokens", completionTokens)
        .put("total_tokens", promptTokens + completionTokens);
  }
}
