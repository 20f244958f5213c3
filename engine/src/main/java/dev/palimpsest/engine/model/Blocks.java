package dev.palimpsest.engine.model;

/**
 * The blocks that a sampler writes in.
 *
 * @param length tokens of a block, 1 or more
 * @param areAfterPrompt whether they are counted from the end of the prompt, and not from position
 *     0
 */
public record Blocks(int length, boolean areAfterPrompt) {
  /** The published length of blocks that are counted from the end of the prompt: dllm's BD3LM. */
  public static final int PUBLISHED_LENGTH = 32;
}
