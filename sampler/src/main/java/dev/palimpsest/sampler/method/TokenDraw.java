package dev.palimpsest.sampler.method;

import dev.palimpsest.step.Draw;
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
public record TokenDraw(double temperature, double topP, int topK, Order order) {
  /** The argmax over everything. */
  public static final TokenDraw GREEDY =
      new TokenDraw(0, 1, Integer.MAX_VALUE, Order.NUCLEUS_FIRST);

  /** Which cut is made first; the other is made in what it leaves. */
  public enum Order {
    /** As in Dream's {@code sample_tokens}. */
    NUCLEUS_FIRST,
    /** As in the samplers of SDAR, LLaDA2 and Transformers. */
    TOP_K_FIRST
  }

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
  static TokenDraw of(OptionValues given, double temperature, Order order) {
    return of(given, temperature, 1, order);
  }

  /** As above, with another nucleus where none is given. */
  static TokenDraw of(OptionValues given, double temperature, double topP, Order order) {
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
    Optional<Draw.Shape> shape =
        plain
            ? Optional.empty()
            : Optional.of(new Draw.Shape(topK, topP, order == Order.TOP_K_FIRST));
    return new Draw(temperature, shape, seed, step, undrawn, NONE);
  }
}
