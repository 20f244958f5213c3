package dev.palimpsest.api;

import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.sampler.method.ModelLimits;
import java.util.List;
import java.util.OptionalInt;

/** What a sampler has to know of a model. */
public final class ModelTraits {
  private ModelTraits() {}

  /** What the model can take. */
  public static ModelLimits limits(ModelSpec spec) {
    return new ModelLimits(
        spec.vocabulary(), spec.maxLength(), spec.attention().pattern(), spec.reading().shifted());
  }

  /**
   * The ids that mean something to a sampler.
   *
   * @param eotId the tokenizer's end of turn; if there is none, the second of the ids that the
   *     configuration says end a text; the rest of those are other stops
   */
  public static SpecialTokens specials(ModelSpec spec, OptionalInt eotId) {
    List<Integer> ends = spec.reading().ids().eos();
    OptionalInt second = eotId.isEmpty() && ends.size() > 1 ? OptionalInt.of(ends.get(1)) : eotId;
    int eos = ends.isEmpty() ? SpecialTokens.NO_EOS : ends.getFirst();
    List<Integer> others =
        ends.stream()
            .filter(id -> id != eos && (second.isEmpty() || id != second.getAsInt()))
            .toList();
    return new SpecialTokens(
        spec.reading().ids().mask().orElse(SpecialTokens.NO_MASK), eos, second, others);
  }
}
