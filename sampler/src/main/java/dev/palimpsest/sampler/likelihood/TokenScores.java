package dev.palimpsest.sampler.likelihood;

import dev.palimpsest.step.AttentionPattern;
import dev.palimpsest.step.Draw;
import dev.palimpsest.step.Query;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * What is known of each token of a text from those before it: in one forward of a causal model, or
 * by {@link Chain}, in one a token.
 */
public final class TokenScores {
  private static final int[] NONE = {};

  private TokenScores() {}

  /**
   * The forwards: their rows, taken together, predict every token but the first, and then the one
   * that would come next. That one has no target; where a causal model predicts it, it scores the
   * last token instead, which says nothing.
   *
   * @param tokens at least one
   * @param next whether a forward is added for the token that would come next if that takes one
   * @param alternatives to name at every position
   * @param maskId of a model that fills masks; it is no alternative
   */
  public static List<Forward> forwards(
      int[] tokens, boolean next, int alternatives, AttentionPattern pattern, int maskId) {
    if (pattern instanceof AttentionPattern.Causal) {
      return List.of(new Forward(tokens.length, () -> causal(tokens, alternatives)));
    }
    Draw draw = new Draw(0, Optional.empty(), 0, 0, new int[] {maskId}, NONE).naming(alternatives);
    List<Forward> forwards = new ArrayList<>();
    Passage passage =
        new Passage(Arrays.copyOf(tokens, 1), Arrays.copyOfRange(tokens, 1, tokens.length));
    for (Part part : Part.of(passage, pattern)) {
      for (int each = 0; each < part.length(); each++) {
        int token = each;
        forwards.add(
            new Forward(
                part.width(), () -> part.query(Look.from(token, part.length()), maskId, draw)));
      }
    }
    if (next) {
      int width = Part.seen(tokens.length, tokens.length + 1, pattern);
      forwards.add(new Forward(width, () -> next(tokens, width, maskId, draw)));
    }
    return forwards;
  }

  private static Query next(int[] tokens, int width, int maskId, Draw draw) {
    int[] canvas = Arrays.copyOf(tokens, width);
    Arrays.fill(canvas, tokens.length, width, maskId);
    int[] row = {tokens.length};
    return new Query(canvas, 0, row, tokens.length, draw, Optional.empty());
  }

  private static Query causal(int[] tokens, int alternatives) {
    int[] rows = IntStream.range(0, tokens.length).toArray();
    int[] targets = Arrays.copyOfRange(tokens, 1, tokens.length + 1);
    targets[tokens.length - 1] = tokens[tokens.length - 1];
    return new Query(tokens, 0, rows, 0, Draw.GREEDY.naming(alternatives), Optional.empty())
        .scoring(targets);
  }
}
