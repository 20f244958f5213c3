package dev.palimpsest.sampler.likelihood;

import dev.palimpsest.step.AttentionPattern;
import dev.palimpsest.step.Draw;
import dev.palimpsest.step.Query;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.zip.CRC32;

/**
 * Tokens of a completion that a masked model fills together: all of them, or those of one block.
 *
 * @param before ids that stand before them and are seen
 * @param targets the tokens, at least one
 * @param behind masks that stand behind them up to the end of the block, as in a canvas
 */
record Part(int[] before, int[] targets, int behind) {

  /** The parts of a completion, from left to right. */
  static List<Part> of(Passage passage, AttentionPattern pattern) {
    int[] prompt = passage.prompt();
    int[] completion = passage.completion();
    int[] text = Arrays.copyOf(prompt, passage.length());
    System.arraycopy(completion, 0, text, prompt.length, completion.length);
    List<Part> parts = new ArrayList<>();
    for (int from = prompt.length; from < text.length; ) {
      int seen = seen(from, text.length, pattern);
      int to = Math.min(seen, text.length);
      parts.add(new Part(Arrays.copyOf(text, from), Arrays.copyOfRange(text, from, to), seen - to));
      from = to;
    }
    return parts;
  }

  /**
   * Where what a position sees ends, in a canvas that holds so many tokens in whole blocks; of
   * blocks that are counted from the end of a prompt, the position is the first of one.
   */
  static int seen(int position, int length, AttentionPattern pattern) {
    return switch (pattern) {
      case AttentionPattern.BlockCausal blocks ->
          Math.ceilDiv(position + 1, blocks.length()) * blocks.length();
      case AttentionPattern.BlocksFromEnd blocks -> position + blocks.length();
      case AttentionPattern.CausalContext block -> position + block.length();
      default -> length;
    };
  }

  int length() {
    return targets.length;
  }

  /** Tokens of a forward over it. */
  int width() {
    return before.length + targets.length + behind;
  }

  /**
   * The forward of a look.
   *
   * @param draw what else to predict at the asked positions
   */
  Query query(Look look, int maskId, Draw draw) {
    int[] tokens = Arrays.copyOf(before, width());
    System.arraycopy(targets, 0, tokens, before.length, targets.length);
    Arrays.fill(tokens, before.length + targets.length, tokens.length, maskId);
    for (int masked : look.masked()) {
      tokens[before.length + masked] = maskId;
    }
    int[] rows = look.asked().clone();
    int[] wanted = new int[rows.length];
    for (int index = 0; index < rows.length; index++) {
      wanted[index] = targets[rows[index]];
      rows[index] += before.length;
    }
    return new Query(tokens, 0, rows, before.length, draw, Optional.empty()).scoring(wanted);
  }

  /** The CRC-32 of the ids before it and of its own, each as four bytes, the highest first. */
  int checksum() {
    ByteBuffer bytes = ByteBuffer.allocate(Integer.BYTES * (before.length + targets.length));
    for (int id : before) {
      bytes.putInt(id);
    }
    for (int id : targets) {
      bytes.putInt(id);
    }
    CRC32 crc = new CRC32();
    crc.update(bytes.flip());
    return (int) crc.getValue();
  }
}
