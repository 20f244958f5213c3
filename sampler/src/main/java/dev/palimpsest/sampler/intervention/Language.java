package dev.palimpsest.sampler.intervention;

import dev.palimpsest.sampler.canvas.SpecialTokens;
import java.util.List;
import java.util.OptionalInt;
import java.util.function.Function;
import java.util.function.IntFunction;
import java.util.function.IntPredicate;

/**
 * How ids are text.
 *
 * @param specials the ids that are none
 * @param vocabulary ids are in {@code [0, vocabulary)}
 * @param pieces the text of an id
 * @param words which ids stand for text, and are no control tokens
 * @param encoder the ids of a text
 * @param unknown the parts of a text that the model has no token for
 */
public record Language(
    SpecialTokens specials,
    int vocabulary,
    IntFunction<String> pieces,
    IntPredicate words,
    Function<String, int[]> encoder,
    Function<String, List<String>> unknown) {

  /** A language without control tokens of its own, and with a token for every text. */
  public Language(
      SpecialTokens specials,
      int vocabulary,
      IntFunction<String> pieces,
      Function<String, int[]> encoder) {
    this(specials, vocabulary, pieces, _ -> true, encoder, _ -> List.of());
  }

  /** The text of an id. */
  public String piece(int id) {
    return pieces.apply(id);
  }

  /** The ids of a text. */
  public int[] encode(String text) {
    return encoder.apply(text);
  }

  /** The parts of a text that the model has no token for, each once. */
  public List<String> unknownWords(String text) {
    return unknown.apply(text);
  }

  /** The id that is this text, if one is. */
  public OptionalInt id(String text) {
    int[] ids = encode(text);
    return ids.length == 1 && piece(ids[0]).equals(text)
        ? OptionalInt.of(ids[0])
        : OptionalInt.empty();
  }

  /** Whether an id that stands on a canvas is a part of its text: no mask, and no end. */
  public boolean isText(int id) {
    return id >= 0 && id < vocabulary && id != specials.maskId() && !specials.isStop(id);
  }

  /** Whether an id is text that an intervention may draw: no control token either. */
  public boolean isWord(int id) {
    return isText(id) && words.test(id);
  }
}
