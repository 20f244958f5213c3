package dev.palimpsest.sampler.intervention;

import dev.palimpsest.sampler.SpecialTokens;
import java.util.OptionalInt;
import java.util.function.Function;
import java.util.function.IntFunction;
import java.util.regex.Pattern;

/**
 * How ids are text.
 *
 * @param specials the ids that are none
 * @param vocabulary ids are in {@code [0, vocabulary)}
 * @param pieces the text of an id
 * @param encoder the ids of a text
 * @param answer finds the answer in a text; its one group is the answer
 */
public record Language(
    SpecialTokens specials,
    int vocabulary,
    IntFunction<String> pieces,
    Function<String, int[]> encoder,
    Pattern answer) {

  /** The text of an id. */
  public String piece(int id) {
    return pieces.apply(id);
  }

  /** The ids of a text. */
  public int[] encode(String text) {
    return encoder.apply(text);
  }

  /** The id that is this text, if one is. */
  public OptionalInt id(String text) {
    int[] ids = encode(text);
    return ids.length == 1 && piece(ids[0]).equals(text)
        ? OptionalInt.of(ids[0])
        : OptionalInt.empty();
  }

  /** Whether an id is text that an intervention may write: no mask, and no end of a text. */
  public boolean isText(int id) {
    return id >= 0 && id < vocabulary && id != specials.maskId() && !specials.isStop(id);
  }
}
