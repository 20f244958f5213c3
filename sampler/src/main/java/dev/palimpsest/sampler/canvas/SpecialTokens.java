package dev.palimpsest.sampler.canvas;

import java.util.List;
import java.util.OptionalInt;
import java.util.stream.IntStream;

/**
 * The ids that mean something to a sampler.
 *
 * @param maskId stands for a masked position; {@link #NO_MASK} for a model that has none
 * @param eosId ends a text; LLaDA's {@code <|endoftext|>}; {@link #NO_EOS} for a model whose
 *     configuration names none
 * @param eotId ends a turn, if the tokenizer has one; LLaDA's {@code <|eot_id|>}
 * @param otherStops more ids that end a text, as Llama 3's {@code <|eom_id|>}
 */
public record SpecialTokens(int maskId, int eosId, OptionalInt eotId, List<Integer> otherStops) {

  /** What a canvas holds where it is masked if the model has no mask; never shown to the model. */
  public static final int NO_MASK = -1;

  /** No token: a text ends with its canvas. */
  public static final int NO_EOS = -2;

  /** Copies the list, and checks that a mask cannot end a text. */
  public SpecialTokens {
    otherStops = List.copyOf(otherStops);
    if (maskId == eosId
        || (eotId.isPresent() && eotId.getAsInt() == maskId)
        || otherStops.contains(maskId)) {
      throw new IllegalArgumentException("the mask id " + maskId + " is also a stop id");
    }
  }

  /** The ids of a model whose texts have no other ends. */
  public SpecialTokens(int maskId, int eosId, OptionalInt eotId) {
    this(maskId, eosId, eotId, List.of());
  }

  /** Whether the model knows masks. */
  public boolean hasMask() {
    return maskId != NO_MASK;
  }

  /** Whether the model knows an end of text. */
  public boolean hasEos() {
    return eosId != NO_EOS;
  }

  /** The ids that no sampler writes: the mask, if there is one. */
  public int[] unwritten() {
    return hasMask() ? new int[] {maskId} : new int[0];
  }

  /** The ids that a text ends before. */
  public int[] stops() {
    IntStream first =
        IntStream.concat(hasEos() ? IntStream.of(eosId) : IntStream.empty(), eotId.stream());
    return IntStream.concat(first, otherStops.stream().mapToInt(each -> each)).toArray();
  }

  /** Whether a text ends before this id. */
  public boolean isStop(int id) {
    return id == eosId || (eotId.isPresent() && id == eotId.getAsInt()) || otherStops.contains(id);
  }
}
