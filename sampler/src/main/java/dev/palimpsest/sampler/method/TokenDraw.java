package dev.palimpsest.sampler.method;

import dev.palimpsest.step.Draw;
import dev.palimpsest.step.SamplingFilter;
import java.util.Map;
import java.util.Optional;

/**
 * How samplers other than LLaDA's draw a token: from the softmax of the logits over the
 * temperature, cut to a nucleus and to the top k. Confidences are of that distribution too.
 *
 * @param temperature 0 draws the argmax
 * @param topP the nucleus (Holtzman et al., 2020), in (0, 1]; 1 keeps everything
 * @param topK ids that remain; {@link Integer#MAX_VALUE} keeps everything
 * @param order of the two cuts
 */
public record TokenDraw(double temperature, double topP, int topK, SamplingFilter.Order order) {
  /** The argmax over everything. */
  public static final TokenDraw GREEDY =
      new TokenDraw(0, 1, Integer.MAX_VALUE, SamplingFilter.Order.NUCLEUS_FIRST);

  private static final int[] NONE = {};

  /**
   * Checks the bounds.
   *
   * @throws InvalidOptionException naming the first option that is wrong
   */
  public TokenDraw {
    Require.zeroOrAbove("temperature", temperature);
    Require.probability("top_p", topP);
    Require.positive("top_k", topK);
  }

  /** Reads {@code temperature}, {@code top_p} and {@code top_k}, where 0 keeps everything. */
  static TokenDraw of(OptionValues given, double temperature, SamplingFilter.Order order) {
    return of(given, temperature, 1, order);
  }

  /** As above, with another nucleus where none is given. */
  static TokenDraw of(
      OptionValues given, double temperature, double topP, SamplingFilter.Order order) {
    int topK = given.integer("top_k", 0);
    return new TokenDraw(
        given.number("temperature", temperature),
        given.number("top_p", topP),
        topK == 0 ? Integer.MAX_VALUE : topK,
        order);
  }

  void putInto(Map<String, Object> map) {
    map.put("temperature", temperature);
    map.put("top_p", topP);
    map.put("top_k", topK == Integer.MAX_VALUE ? 0 : topK);
  }

  Draw draw(long seed, int step, int[] undrawn) {
    boolean plain = temperature == 0 && topP == 1 && topK == Integer.MAX_VALUE;
    Optional<SamplingFilter> filter =
        plain ? Optional.empty() : Optional.of(new SamplingFilter(topK, topP, order));
    return new Draw(temperature, filter, seed, step, undrawn, NONE);
  }
}
