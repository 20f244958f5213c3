package dev.palimpsest.engine.model;

/**
 * The blocks that a sampler writes in.
 *
 * @param length tokens of a block, 1 or more
 * @param seen how a model is to see them
 */
public record Blocks(int length, Seen seen) {
  /** The published length of blocks that are counted from the end of the prompt: dllm's BD3LM. */
  public static final int PUBLISHED_LENGTH = 32;

  /** How a block is seen. */
  public enum Seen {
    /** Whole, blocks being counted from position 0. */
    FROM_START,
    /** Whole, blocks being counted from the end of the prompt. */
    FROM_PROMPT,
    /** From left to right: by a model of blocks that was trained to be causal, too (I-DLM). */
    CAUSALLY
  }
}
