package dev.palimpsest.engine.probe;

import dev.palimpsest.engine.model.ModelSpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/**
 * A point of one block.
 *
 * @param point what is there
 * @param block from 0; 0 for a point that is of no block
 */
public record Hook(Point point, int block) {
  private static final String BLOCKS = "blocks.";

  /** TransformerLens's name, as {@code blocks.3.hook_resid_post}. */
  public String name() {
    return point.isOfBlock() ? BLOCKS + block + "." + point.suffix() : point.suffix();
  }

  /** Numbers that a position has of it; of {@link Point#PATTERN}, the width of its keys. */
  public int width(ModelSpec spec) {
    return point.width(spec, block);
  }

  /**
   * The hooks that a name stands for: one, or with {@code *} for the block's number that of every
   * block.
   *
   * @param blocks of the model
   * @throws IllegalArgumentException if there is no such hook
   */
  public static List<Hook> named(String name, int blocks) {
    for (Point point : Point.values()) {
      if (!point.isOfBlock() && name.equals(point.suffix())) {
        return List.of(new Hook(point, 0));
      }
      if (point.isOfBlock() && name.startsWith(BLOCKS) && name.endsWith("." + point.suffix())) {
        int end = name.length() - point.suffix().length() - 1;
        return blocksOf(name, name.substring(Math.min(end, BLOCKS.length()), end), blocks).stream()
            .map(block -> new Hook(point, block))
            .toList();
      }
    }
    throw new IllegalArgumentException(
        "there is no hook %s: the hooks are %s".formatted(name, all()));
  }

  private static List<Integer> blocksOf(String name, String number, int blocks) {
    List<Integer> found = new ArrayList<>();
    for (int block = 0; block < blocks; block++) {
      if (number.equals("*") || number.equals(String.valueOf(block))) {
        found.add(block);
      }
    }
    if (found.isEmpty()) {
      throw new IllegalArgumentException(
          "the hook %s is of block %s: the model's are 0 to %d, or * for all"
              .formatted(name, number, blocks - 1));
    }
    return found;
  }

  private static String all() {
    return Arrays.stream(Point.values())
        .map(point -> point.isOfBlock() ? BLOCKS + "N." + point.suffix() : point.suffix())
        .collect(Collectors.joining(", "));
  }
}
