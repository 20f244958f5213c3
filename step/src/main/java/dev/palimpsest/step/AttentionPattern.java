package dev.palimpsest.step;

/**
 * Which keys a query sees: always the first so many of its own sequence.
 *
 * <p>Where that number does not depend on what follows a finished part of the sequence, the keys
 * and values of that part are a function of its tokens alone, and may be cached.
 */
public sealed interface AttentionPattern {

  /** Every query sees the whole sequence. */
  record Full() implements AttentionPattern {
    @Override
    public int limit(int index, int length) {
      return length;
    }

    @Override
    public int cacheable(int tokens) {
      return 0;
    }
  }

  /** A query sees itself and what precedes it. */
  record Causal() implements AttentionPattern {
    @Override
    public int limit(int index, int length) {
      return index + 1;
    }

    @Override
    public int cacheable(int tokens) {
      return tokens;
    }
  }

  /**
   * The sequence is cut into blocks; a query sees its own block and those before it (Arriola et
   * al., "Block Diffusion", 2025).
   *
   * @param length tokens of a block, 1 or more
   */
  record BlockCausal(int length) implements AttentionPattern {
    @Override
    public int limit(int index, int length) {
      return (int) Math.min(length, (index / this.length + 1L) * this.length);
    }

    @Override
    public int cacheable(int tokens) {
      return tokens / length * length;
    }
  }

  /**
   * The last tokens of a sequence are a canvas, each of which sees the whole sequence; a token
   * before it sees itself and what precedes it (DiffusionGemma).
   *
   * @param length tokens of the canvas, 1 or more; a shorter sequence is all canvas
   */
  record Canvas(int length) implements AttentionPattern {
    @Override
    public int limit(int index, int length) {
      return index < length - this.length ? index + 1 : length;
    }

    @Override
    public int cacheable(int tokens) {
      return tokens;
    }
  }

  /**
   * How many leading keys the query at {@code index} of a sequence of {@code length} tokens sees.
   */
  int limit(int index, int length);

  /**
   * Of so many tokens that are final for good, the leading ones whose keys and values no later
   * token can change.
   */
  int cacheable(int tokens);
}
