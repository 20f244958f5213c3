package dev.palimpsest.sampler.intervention;

import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeMap;

/**
 * Writes one token over all that is filled: what is left is its length (Lanham et al., arXiv
 * 2307.13702).
 *
 * @param region where
 * @param text of the token
 */
public record Filler(Region region, String text) implements CanvasTransform {
  @Override
  public String name() {
    return "filler";
  }

  @Override
  public Optional<Change> change(StepContext context) {
    OptionalInt filler = context.language().id(text);
    if (filler.isEmpty()) {
      throw new IllegalArgumentException(
          "the filler '" + text + "' is not one token: use a text that is");
    }
    TreeMap<Integer, Integer> writes = new TreeMap<>();
    for (int position : region.positions(context)) {
      if (context.isText(position)) {
        writes.put(position, filler.getAsInt());
      }
    }
    return Optional.of(
        Change.write(
            "'%s' over %d tokens of %s".formatted(text, writes.size(), region.label()), writes));
  }
}
