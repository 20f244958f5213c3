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
 * Nemotron-Labs-Diffusion's {@code linear_spec_generate}: a block is drafted with every position of
 * it seeing the whole block, then checked causally. What the causal model would have written there
 * stays, up to the first token that differs; that one is the causal model's, and the draft behind
 * it is masked again. So the text is the causal model's own, whatever the draft: at temperature 0
 * token for token that of {@link DecodeSampler}.
 *
 * <p>A step of the draft commits tokens, and the check edits one and masks others again: what
 * passes from step to step is the canvas. The cursor's block is where the block begins, counted
 * from the end of the prompt.
 *
 * <p>Where the reference leaves a choice, or surprises:
 *
 * <ul>
 *   <li><b>The first token of a text</b> is a step of its own; the reference counts it, too.
 *   <li><b>The last block</b> is drafted with all its masks; those behind the end of the text are
 *       seen, and not kept. The reference lets a text grow beyond its length.
 *   <li><b>The low-rank adapter</b> that is published beside a checkpoint ({@code
 *       linear_spec_lora}) makes drafts better, and changes no text; it is not used.
 *   <li><b>The mask id is never written.</b>
 * </ul>
 *
 * @param options that it follows
 * @param specials the ids that mean something to it
 */
public record LinearSpecSampler(LinearSpecOptions options, SpecialTokens specials)
    implements Sampler {
  /** Its name on the command line and in a trace. */
  public static final String NAME = "linear_spec";

  @Override
  public Cursor start(CanvasImage canvas) {
    Require.positions(canvas, options);
    Require.prompt(canvas);
    return Cursor.START;
  }

  @Override
  public boolean finished(CanvasImage canvas, Cursor at) {
    int checked = checked(canvas, at);
    return checked == canvas.length() || canvas.stopsBefore(checked, specials);
  }

  @Override
  public Query ask(CanvasImage canvas, Cursor at) {
    Draw draw = new Draw(options.temperature(), options.seed(), at.step(), specials.unwritten());
    int start = start(canvas, at);
    int end = end(canvas, at);
    int[] masked = masked(canvas, at);
    if (isFirst(canvas, at)) {
      return causal(Arrays.copyOf(canvas.ids(), start), new int[] {start - 1}, start, draw);
    }
    if (masked.length == 0) {
      int last = Math.min(end, canvas.length() - 1);
      int[] rows = IntStream.range(start, last).toArray();
      return causal(Arrays.copyOf(canvas.ids(), last), rows, start + 1, draw);
    }
    int[] tokens = Arrays.copyOf(canvas.ids(), start + options.blockLength());
    Arrays.fill(tokens, end, tokens.length, specials.maskId());
    return new Query(tokens, 0, masked, start, draw, Optional.empty());
  }

  private static Query causal(int[] tokens, int[] rows, int cacheable, Draw draw) {
    return new Query(tokens, 0, rows, cacheable, draw, Optional.empty())
        .attending(new AttentionPattern.Causal());
  }

  @Override
  public Turn take(CanvasImage canvas, Cursor at, int[] rows, List<Prediction> predictions) {
    if (isFirst(canvas, at)) {
      Commit first = Commit.of(start(canvas, at), predictions.getFirst());
      return Turn.of(List.of(first), at.nextStep());
    }
    return masked(canvas, at).length == 0
        ? check(canvas, at, rows, predictions)
        : draft(at, rows, predictions);
  }

  private Turn draft(Cursor at, int[] rows, List<Prediction> predictions) {
    double[] confidences = predictions.stream().mapToDouble(Prediction::probability).toArray();
    SelectionRule rule = new SelectionRule.Threshold(options.threshold());
    return Turn.of(rule.commits(rows, confidences, predictions), at.nextStep());
  }

  private Turn check(CanvasImage canvas, Cursor at, int[] rows, List<Prediction> predictions) {
    int end = end(canvas, at);
    for (int index = 0; index < rows.length; index++) {
      int position = rows[index] + 1;
      Prediction causal = predictions.get(index);
      if (position == end) {
        boolean isOpen = canvas.state(position).isOpen();
        List<Commit> commits = isOpen ? List.of(Commit.of(position, causal)) : List.of();
        return Turn.of(commits, next(canvas, at, position));
      }
      if (canvas.state(position) == CellState.COMMITTED && causal.token() != canvas.id(position)) {
        return new Turn(
            List.of(),
            List.of(Commit.of(position, causal)),
            canvas.positions(CellState.COMMITTED, position + 1, end),
            next(canvas, at, position));
      }
    }
    return Turn.of(List.of(), next(canvas, at, canvas.length()));
  }

  /** A draft is not settled before it is checked, or the text ends before it. */
  @Override
  public int settled(CanvasImage canvas, Cursor at) {
    return finished(canvas, at)
        ? canvas.firstOpen()
        : Math.min(canvas.firstOpen(), checked(canvas, at));
  }

  @Override
  public long width(CanvasImage canvas) {
    return (long) canvas.length() + options.blockLength();
  }

  private static Cursor next(CanvasImage canvas, Cursor at, int start) {
    return new Cursor(at.step() + 1, start - canvas.promptLength(), 0, 0);
  }

  /** Where the block begins; a position before it that was masked by hand comes first. */
  private static int start(CanvasImage canvas, Cursor at) {
    return Math.min(canvas.promptLength() + at.block(), canvas.firstOpen());
  }

  private int end(CanvasImage canvas, Cursor at) {
    return Math.min(canvas.length(), start(canvas, at) + options.blockLength());
  }

  /** The end of what the causal model has said: the first token of the block, if it is there. */
  private static int checked(CanvasImage canvas, Cursor at) {
    int start = start(canvas, at);
    return isFirst(canvas, at) ? start : Math.min(canvas.length(), start + 1);
  }

  private static boolean isFirst(CanvasImage canvas, Cursor at) {
    int start = start(canvas, at);
    return start < canvas.length() && canvas.state(start) == CellState.MASKED;
  }

  private int[] masked(CanvasImage canvas, Cursor at) {
    return canvas.positions(CellState.MASKED, start(canvas, at), end(canvas, at));
  }
}
