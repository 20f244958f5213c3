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

/**
 * Nemotron-Labs-Diffusion's {@code generate} with its causal context: the first token of a block is
 * what the text before it predicts causally, and the rest of the block is filled by confidence,
 * every position of it seeing the whole block. Blocks are counted from the end of the prompt.
 *
 * <p>Everything follows from the first masked position. Where the reference leaves a choice, or
 * surprises:
 *
 * <ul>
 *   <li><b>The first token is a step of its own</b>, and a forward that counts. The reference takes
 *       it from the forward that caches a finished block's keys and values, and does not count the
 *       first of them, over the prompt.
 *   <li><b>A text without a prompt</b> has nothing before its first block, whose first token is
 *       then drawn like the others.
 *   <li><b>The mask id is never written.</b>
 *   <li><b>Stop.</b> The text ends as soon as nothing before a stop id is masked.
 * </ul>
 *
 * @param options that it follows
 * @param specials the ids that mean something to it
 */
public record SeededBlockSampler(SeededBlockOptions options, SpecialTokens specials)
    implements Sampler {
  /** Its name on the command line and in a trace. */
  public static final String NAME = "seeded_block";

  @Override
  public Cursor start(CanvasImage canvas) {
    Require.positions(canvas, options);
    return Cursor.START;
  }

  @Override
  public boolean finished(CanvasImage canvas, Cursor at) {
    int open = canvas.firstOpen();
    return open == canvas.length() || canvas.stopsBefore(open, specials);
  }

  @Override
  public Query ask(CanvasImage canvas, Cursor at) {
    int open = canvas.firstOpen();
    Draw draw = new Draw(options.temperature(), options.seed(), at.step(), specials.unwritten());
    if (isSeed(canvas, open)) {
      return new Query(
              Arrays.copyOf(canvas.ids(), open),
              0,
              new int[] {open - 1},
              open,
              draw,
              Optional.empty())
          .attending(new AttentionPattern.Causal());
    }
    int start = start(canvas, open);
    int end = start + options.blockLength();
    return new Query(
        Arrays.copyOf(canvas.ids(), end),
        0,
        canvas.positions(CellState.MASKED, open, end),
        start,
        draw,
        Optional.empty());
  }

  @Override
  public Turn take(CanvasImage canvas, Cursor at, int[] rows, List<Prediction> predictions) {
    int open = canvas.firstOpen();
    if (isSeed(canvas, open)) {
      Commit seed = Commit.of(open, predictions.getFirst());
      boolean isWhole = masked(canvas, open).length == 1;
      return Turn.of(List.of(seed), isWhole ? at.nextBlock() : at.nextStep());
    }
    SelectionRule rule =
        options.threshold().isPresent()
            ? new SelectionRule.Threshold(options.threshold().getAsDouble())
            : new SelectionRule.FixedCount(1);
    double[] confidences = predictions.stream().mapToDouble(Prediction::probability).toArray();
    List<Commit> commits = rule.commits(rows, confidences, predictions);
    return Turn.of(commits, rows.length == commits.size() ? at.nextBlock() : at.nextStep());
  }

  @Override
  public long width(CanvasImage canvas) {
    return canvas.length();
  }

  /** Whether the next token is a block's first, and follows some text. */
  private boolean isSeed(CanvasImage canvas, int open) {
    return open > 0 && open == start(canvas, open);
  }

  private int start(CanvasImage canvas, int position) {
    int behind = position - canvas.promptLength();
    return canvas.promptLength() + behind / options.blockLength() * options.blockLength();
  }

  private int[] masked(CanvasImage canvas, int position) {
    int start = start(canvas, position);
    return canvas.positions(CellState.MASKED, start, start + options.blockLength());
  }
}
