package dev.palimpsest.sampler;

import dev.palimpsest.engine.model.ModelSpec;
import java.util.OptionalInt;

/**
 * The ids that mean something to a sampler.
 *
 * @param maskId stands for a masked position
 * @param eosId ends a text; LLaDA's {@code <|endoftext|>}
 * @param eotId ends a turn, if the tokenizer has one; LLaDA's {@code <|eot_id|>}
 */
public record SpecialTokens(int maskId, int eosId, OptionalInt eotId) {

  /** Checks that a mask cannot end a text. */
  public SpecialTokens {
    if (maskId == eosId || (eotId.isPresent() && eotId.getAsInt() == maskId)) {
      throw new IllegalArgumentException("the mask id " + maskId + " is also a stop id");
    }
  }

  /** The ids of a model, and its tokenizer's end of turn. */
  public static SpecialTokens of(ModelSpec spec, OptionalInt eotId) {
    return new SpecialTokens(spec.maskId(), spec.eosId(), eotId);
  }

  /** Whether a text ends before this id. */
  public boolean isStop(int id) {
    return id == eosId || (eotId.isPresent() && id == eotId.getAsInt());
  }
}
