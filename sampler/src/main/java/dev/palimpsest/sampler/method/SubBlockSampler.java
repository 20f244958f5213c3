package dev.palimpsest.sampler.method;

import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.CellState;
import dev.palimpsest.sampler.canvas.Commit;
import dev.palimpsest.sampler.canvas.Cursor;
import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.sampler.canvas.Turn;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Fast-dLLM v2's {@code generate} (Wu et al., 2025), for a block-causal model whose output at a
 * position predicts the next one. The first token of a block is autoregressive: the argmax of what
 * the end of the block before it predicts, which has seen no mask. The rest of the block is written
 * sub-block by sub-block from left to right; a step commits every position of the sub-block whose
 * confidence is above the threshold, and the best one always.
 *
 * <p>Everything follows from the first masked position. Where the reference leaves a choice, or
 * surprises:
 *
 * <ul>
 *   <li><b>The first token is a step of its own</b>, and a forward that counts; the reference takes
 *       it from the forward that caches a finished block's keys and values. Here the engine does
 *       that by itself, and the step computes no more than that forward: the last block, if it is
 *       not cached yet, and one row.
 *   <li><b>A text without a prompt</b> has no block before its first, whose first token is then
 *       drawn like the others, as in the reference.
 *   <li><b>No sub-block cache.</b> The whole block is computed in every step. The reference offers
 *       to cache the keys of other sub-blocks, which are then stale.
 *   <li><b>Temperature 0</b> is the argmax, and its confidence is of the whole distribution; the
 *       nucleus counts only above 0, as in the reference.
 *   <li><b>The mask id is never written.</b>
 *   <li><b>Stop.</b> The text ends as soon as nothing before a stop id is masked: no later step
 *       could change it.
 * </ul>
 *
 * @param options that it follows
 * @param specials the ids that mean something to it
 */
public record SubBlockSampler(SubBlockOptions options, SpecialTokens specials) implements Sampler {
  /** Its name on the command line and in a trace. */
  public static final String NAME = "sub_block";

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
    int start = canvas.firstOpen() / options.blockLength() * options.blockLength();
    boolean plain = isAutoregressive(canvas) || options.draw().temperature() == 0;
    TokenDraw draw = plain ? TokenDraw.GREEDY : options.draw();
    return new Query(
        Arrays.copyOf(canvas.ids(), start + options.blockLength()),
        0,
        rows(canvas),
        start,
        draw.draw(options.seed(), at.step(), specials.unwritten()),
        Optional.empty());
  }

  @Override
  public Turn take(CanvasImage canvas, Cursor at, int[] rows, List<Prediction> predictions) {
    double[] confidences = predictions.stream().mapToDouble(Prediction::probability).toArray();
    List<Commit> commits =
        new SelectionRule.Above(options.threshold(), 1).commits(rows, confidences, predictions);
    int start = rows[0] / options.blockLength() * options.blockLength();
    int masked = canvas.positions(CellState.MASKED, start, start + options.blockLength()).length;
    return Turn.of(commits, masked == commits.size() ? at.nextBlock() : at.nextStep());
  }

  @Override
  public long width(CanvasImage canvas) {
    return canvas.length();
  }

  /** Whether the next token is a block's first, and follows another block. */
  private boolean isAutoregressive(CanvasImage canvas) {
    int open = canvas.firstOpen();
    return open > 0 && open % options.blockLength() == 0;
  }

  private int[] rows(CanvasImage canvas) {
    int open = canvas.firstOpen();
    if (isAutoregressive(canvas)) {
      return new int[] {open};
    }
    int end = (open / options.subBlockLength() + 1) * options.subBlockLength();
    return canvas.positions(CellState.MASKED, open, end);
  }
}
