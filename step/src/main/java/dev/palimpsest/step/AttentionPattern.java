package dev.palimpsest.step;

/**
 * Which keys a query sees: always the first so many of its own sequence.
 *
 * <p>Where that number does not depend on what follows a finished part of the sequence, the keys
 * and values of that part are a function of its tokens alone, and may be cached.
 */
public sealed interface AttentionPattern {
  /** The order of tokens that are counted as they stand. */
  int[] IN_PLACE = {};

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
   * Blocks as in {@link BlockCausal}, but counted from the end of the sequence: the first of them
   * is shorter where they do not come out even (dllm's BD3LM, which pads a prompt on the left to
   * whole blocks).
   *
   * @param length tokens of a block, 1 or more
   */
  record BlocksFromEnd(int length) implements AttentionPattern {
    @Override
    public int limit(int index, int length) {
      return length - (length - 1 - index) / this.length * this.length;
    }

    @Override
    public int cacheable(int tokens) {
      return tokens / length * length;
    }

    @Override
    public int lacking(int length) {
      return Math.floorMod(-length, this.length);
    }
  }

  /**
   * The last tokens of a sequence are a block, each of which sees the whole sequence; a token
   * before it sees itself and what precedes it (Nemotron-Labs-Diffusion, {@code causal_context}).
   *
   * @param length tokens of the block, 1 or more; a shorter sequence is all block
   */
  record CausalContext(int length) implements AttentionPattern {
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
   * Causal attention in an order of its own: what is known first, then the masks, each from left to
   * right and with the rotary position that it has in the text (WeDLM, topological reordering).
   *
   * @param mask the id of a masked position
   */
  record KnownFirst(int mask) implements AttentionPattern {
    @Override
    public int limit(int index, int length) {
      return index + 1;
    }

    @Override
    public int cacheable(int tokens) {
      return tokens;
    }

    @Override
    public int[] order(int[] tokens) {
      int[] order = new int[tokens.length];
      int next = 0;
      for (int pass = 0; pass < 2; pass++) {
        for (int index = 0; index < tokens.length; index++) {
          if ((tokens[index] == mask) == (pass == 1)) {
            order[next++] = index;
          }
        }
      }
      return order;
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
   * token can change; counted with those that a first block lacks.
   */
  int cacheable(int tokens);

  /** Tokens that the first block of a sequence of {@code length} tokens lacks to be whole. */
  default int lacking(int length) {
    return 0;
  }

  /**
   * The indices of a sequence's tokens in the order in which {@link #limit} counts them; empty if
   * that is the order of the text.
   */
  default int[] order(int[] tokens) {
    return IN_PLACE;
  }
}
