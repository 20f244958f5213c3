package dev.palimpsest.sampler.intervention;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Writes a text at a place, whatever stands there.
 *
 * @param at the first position, counted from the end of the prompt
 * @param text as many tokens as it takes; what does not fit the canvas, or what the model has no
 *     token for, is refused
 * @param followedBy what will stand behind it and is not written, for a text may become other
 *     tokens before a digit than at its end; empty if nothing will
 */
public record Force(int at, String text, String followedBy) implements CanvasTransform {
  @Override
  public String name() {
    return "force";
  }

  @Override
  public Optional<Change> change(StepContext context) {
    int[] ids = ids(context.language());
    int first = context.canvas().promptLength() + at;
    if (at < 0 || first + ids.length > context.canvas().length()) {
      throw new IllegalArgumentException(
          "'%s' at %d takes %d positions, and the canvas has %d after the prompt"
              .formatted(
                  text,
                  at,
                  ids.length,
                  context.canvas().length() - context.canvas().promptLength()));
    }
    TreeMap<Integer, Integer> writes = new TreeMap<>();
    for (int index = 0; index < ids.length; index++) {
      writes.put(first + index, ids[index]);
    }
    return Optional.of(Change.write("'%s' at %d".formatted(text, at), writes));
  }

  private int[] ids(Language language) {
    List<String> unknown = language.unknownWords(text);
    if (!unknown.isEmpty()) {
      throw new IllegalArgumentException(
          "the model does not know '%s' of the text '%s': use words that it knows"
              .formatted(unknown.getFirst(), text));
    }
    int[] ids = language.encode(text + followedBy);
    if (followedBy.isEmpty()) {
      return ids;
    }
    StringBuilder written = new StringBuilder();
    for (int count = 0; count < ids.length; count++) {
      if (written.toString().equals(text)) {
        return Arrays.copyOf(ids, count);
      }
      written.append(language.piece(ids[count]));
    }
    throw new IllegalArgumentException(
        "'%s' followed by '%s' has no token that begins where the second does"
            .formatted(text, followedBy));
  }
}
