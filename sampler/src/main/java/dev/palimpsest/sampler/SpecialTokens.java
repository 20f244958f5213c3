package dev.palimpsest.sampler;

import dev.palimpsest.engine.model.ModelSpec;
import java.util.List;
import java.util.OptionalInt;

/**
 * The ids that mean something to a sampler.
 *
 * @param maskId stands for a masked position; {@link #NO_MASK} for a model that has none
 * @param eosId ends a text; LLaDA's {@code <|endoftext|>}; {@link #NO_EOS} for a model whose
 *     configuration names none
 * @param eotId ends a turn, if the tokenizer has one; LLaDA's {@code <|eot_id|>}
 */
public record SpecialTokens(int maskId, int eosId, OptionalInt eotId) {

  /** What a canvas holds where it is masked if the model has no mask; never shown to the model. */
  public static final int NO_MASK = -1;

  /** No token: a text ends with its canvas. */
  public static final int NO_EOS = -2;

  /** Checks that a mask cannot end a text. */
  public SpecialTokens {
    if (maskId == eosId || (eotId.isPresent() && eotId.getAsInt() == maskId)) {
      throw new IllegalArgumentException("the mask id " + maskId + " is also a stop id");
    }
  }

  /**
   * The ids of a model.
   *
   * @param eotId its tokenizer's end of turn; if there is none, the second of the ids that its
   *     configuration says end a text
   */
  public static SpecialTokens of(ModelSpec spec, OptionalInt eotId) {
    List<Integer> ends = spec.ids().eos();
    OptionalInt second = eotId.isEmpty() && ends.size() > 1 ? OptionalInt.of(ends.get(1)) : eotId;
    return new SpecialTokens(
        spec.ids().mask().orElse(NO_MASK), ends.isEmpty() ? NO_EOS : ends.getFirst(), second);
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
  int[] unwritten() {
    return hasMask() ? new int[] {maskId} : new int[0];
  }

  /** Whether a text ends before this id. */
  public boolean isStop(int id) {
    return id == eosId || (eotId.isPresent() && id == eotId.getAsInt());
  }
}
