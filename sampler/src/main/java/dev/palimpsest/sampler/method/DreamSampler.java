package dev.palimpsest.sampler.method;

import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.CellState;
import dev.palimpsest.sampler.canvas.Cursor;
import dev.palimpsest.sampler.canvas.SnapshotListener;
import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.sampler.canvas.Turn;
import dev.palimpsest.step.Philox;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Dream's {@code _sample} (Dream-v0, {@code generation_utils.py}). Every step may fill any masked
 * position of the canvas; how many is a matter of {@link DreamSchedule}, which ones of {@link
 * DreamOptions.Algorithm}. The model's shift by one position is the engine's affair.
 *
 * <p>Where the reference leaves a choice, or surprises:
 *
 * <ul>
 *   <li><b>Forwards.</b> There are exactly {@code steps}, also where the schedule rounds a step's
 *       share down to nothing, as it does the first one's when there is a step a position.
 *   <li><b>The number of positions</b> comes from the row's own masks. The reference takes the mean
 *       over the batch, so that a row depends on its company, and a row with fewer masks than that
 *       has other positions, prompt included, overwritten by masks. {@code batchMeanK} repeats the
 *       number, never the damage.
 *   <li><b>{@code origin}</b> decides which positions to fill before the forward, by a number keyed
 *       by seed, step and position, and asks for those only.
 *   <li><b>{@code alg_temp}</b> draws without replacement from the softmax of the scores over it,
 *       by the largest of score / alg_temp plus Gumbel noise: the same distribution as the
 *       reference's {@code multinomial} (Vieira, 2014), but keyed by position.
 *   <li><b>{@code entropy}</b> ranks by the entropy itself; the reference's {@code log(p + 1e-10)}
 *       differs from it by less than 1e-10 for every id of the vocabulary.
 *   <li><b>The mask id is never drawn,</b> and masks in the prompt are text; see {@link
 *       LladaSampler}. Where tokens are drawn with a temperature or filters, the mask takes no part
 *       in the distribution.
 *   <li><b>Padding.</b> There is none, so positions need no re-basing.
 *   <li><b>Hooks.</b> {@code generation_tokens_hook_func} is what a {@link SnapshotListener} hears
 *       and what a changed canvas given to {@code Run.resume} does.
 * </ul>
 *
 * @param options that it follows
 * @param specials the ids that mean something to it
 */
public record DreamSampler(DreamOptions options, SpecialTokens specials) implements Sampler {
  /** Its name on the command line and in a trace. */
  public static final String NAME = "dream";

  @Override
  public Cursor start(CanvasImage canvas) {
    Require.positions(canvas, options);
    return Cursor.START;
  }

  @Override
  public boolean finished(CanvasImage canvas, Cursor at) {
    return at.step() >= options.steps();
  }

  @Override
  public Query ask(CanvasImage canvas, Cursor at) {
    return new Query(
        canvas.ids(),
        0,
        rows(canvas, at),
        0,
        options.draw().draw(options.seed(), at.step(), specials.unwritten()),
        Optional.empty());
  }

  @Override
  public Turn take(CanvasImage canvas, Cursor at, int[] rows, List<Prediction> predictions) {
    double[] scores = new double[rows.length];
    for (int row = 0; row < rows.length; row++) {
      scores[row] = score(rows[row], at, predictions.get(row));
    }
    int count = options.alg() == DreamOptions.Algorithm.ORIGIN ? rows.length : count(rows, at);
    SelectionRule rule = new SelectionRule.FixedCount(count);
    return Turn.of(rule.commits(rows, scores, predictions), at.nextStep());
  }

  @Override
  public long width(CanvasImage canvas) {
    return canvas.length();
  }

  private DreamSchedule schedule() {
    return new DreamSchedule(options.steps(), options.eps());
  }

  private int count(int[] rows, Cursor at) {
    if (options.batchMeanK().isPresent()) {
      return schedule().countFromStart(at.step(), options.batchMeanK().getAsDouble());
    }
    return schedule().count(at.step(), rows.length);
  }

  private double score(int position, Cursor at, Prediction prediction) {
    double score =
        switch (options.alg()) {
          case ORIGIN, MASKGIT_PLUS -> prediction.probability();
          case TOPK_MARGIN -> prediction.margin();
          case ENTROPY -> -prediction.entropy();
        };
    double algTemp = options.algTemp().orElse(0);
    if (algTemp == 0) {
      return score;
    }
    double uniform = Philox.uniform(options.seed(), at.step(), position, Purposes.RANKING);
    return score / algTemp - StrictMath.log(-StrictMath.log(uniform));
  }

  private int[] rows(CanvasImage canvas, Cursor at) {
    int[] masked = canvas.positions(CellState.MASKED, canvas.promptLength(), canvas.length());
    if (options.alg() != DreamOptions.Algorithm.ORIGIN) {
      return masked;
    }
    float share = schedule().share(at.step());
    return Arrays.stream(masked)
        .filter(
            position ->
                Philox.uniform(options.seed(), at.step(), position, Purposes.UNMASKING) < share)
        .toArray();
  }
}
