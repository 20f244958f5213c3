package dev.palimpsest.sampler.intervention;

import java.util.Optional;
import java.util.TreeMap;

/**
 * Writes a text at a place, whatever stands there.
 *
 * @param at the first position, counted from the end of the prompt
 * @param text as many tokens as it takes; what does not fit the canvas is refused
 */
public record Force(int at, String text) implements StepTransform {
  @Override
  public String name() {
    return "force";
  }

  @Override
  public Optional<Change> change(Moment moment) {
    int[] ids = moment.language().encode(text);
    int first = moment.canvas().promptLength() + at;
    if (at < 0 || first + ids.length > moment.canvas().length()) {
      throw new IllegalArgumentException(
          "'%s' at %d takes %d positions, and the canvas has %d after the prompt"
              .formatted(
                  text, at, ids.length, moment.canvas().length() - moment.canvas().promptLength()));
    }
    TreeMap<Integer, Integer> writes = new TreeMap<>();
    for (int index = 0; index < ids.length; index++) {
      writes.put(first + index, ids[index]);
    }
    return Optional.of(Change.write("'%s' at %d".formatted(text, at), writes));
  }
}
