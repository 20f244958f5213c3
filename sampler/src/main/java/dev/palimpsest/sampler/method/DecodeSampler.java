package dev.palimpsest.sampler.method;

import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.CellState;
import dev.palimpsest.sampler.canvas.Commit;
import dev.palimpsest.sampler.canvas.Cursor;
import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.sampler.canvas.Turn;
import dev.palimpsest.step.AttentionPattern;
import dev.palimpsest.step.Draw;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * Autoregressive decoding with a causal model: a token a step, from left to right, until a stop id
 * or the end of the canvas. What stands before the first open position is all that the model reads,
 * and all of it is cacheable.
 *
 * <p>The canvas behind the text is open space; the model never sees it. Runs of any length share a
 * driver, which makes its batches continuous: a run joins with its prefill and leaves at its stop
 * id, between the others' steps.
 *
 * @param options that it follows
 * @param specials the ids that mean something to it
 */
public record DecodeSampler(DecodeOptions options, SpecialTokens specials) implements Sampler {
  /** Its name on the command line and in a trace. */
  public static final String NAME = "decode";

  @Override
  public Cursor start(CanvasImage canvas) {
    Require.positions(canvas, options);
    Require.prompt(canvas);
    return Cursor.START;
  }

  @Override
  public boolean finished(CanvasImage canvas, Cursor at) {
    int next = canvas.firstOpen();
    return next == canvas.length()
        || (next > canvas.promptLength()
            && canvas.state(next - 1) == CellState.COMMITTED
            && specials.isStop(canvas.id(next - 1)));
  }

  @Override
  public Query ask(CanvasImage canvas, Cursor at) {
    int next = canvas.firstOpen();
    int[] tokens = Arrays.copyOf(canvas.ids(), next);
    int[] undrawn = undrawn(tokens, next - canvas.promptLength());
    Draw draw = options.draw().draw(options.seed(), at.step(), undrawn);
    return new Query(
            tokens,
            0,
            new int[] {next - 1},
            next,
            options.adjustment().map(draw::adjusted).orElse(draw),
            Optional.empty())
        .attending(new AttentionPattern.Causal());
  }

  /**
   * What no sampler writes, what would repeat an n-gram, and the ends of a text that come early.
   */
  private int[] undrawn(int[] tokens, int written) {
    IntStream.Builder ids = IntStream.builder();
    IntStream.of(specials.unwritten()).forEach(ids);
    int context = options.noRepeatNgramSize() - 1;
    for (int at = 0; context >= 0 && at + context < tokens.length; at++) {
      int end = tokens.length;
      if (Arrays.equals(tokens, at, at + context, tokens, end - context, end)) {
        ids.add(tokens[at + context]);
      }
    }
    if (written < options.minNewTokens()) {
      IntStream.of(specials.stops()).forEach(ids);
    }
    return ids.build().distinct().toArray();
  }

  @Override
  public Turn take(CanvasImage canvas, Cursor at, int[] rows, List<Prediction> predictions) {
    return Turn.of(List.of(Commit.of(rows[0] + 1, predictions.getFirst())), at.nextStep());
  }

  @Override
  public long width(CanvasImage canvas) {
    return canvas.length();
  }
}
