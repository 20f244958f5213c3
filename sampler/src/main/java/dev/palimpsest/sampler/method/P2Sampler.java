package dev.palimpsest.sampler.method;

import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.CellState;
import dev.palimpsest.sampler.canvas.Commit;
import dev.palimpsest.sampler.canvas.Cursor;
import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.sampler.canvas.Turn;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * P2, "Path Planning for Masked Diffusion Model Sampling" (arXiv 2502.03540), with the model as its
 * own planner: every step draws a token for every position and ranks the filled positions together
 * with the masked ones, so that what was filled may be masked again where something better is
 * known.
 *
 * <p>With {@code n} positions to fill, step {@code i} of {@code S}, counted from 1, leaves {@code
 * floor(n · (1 - i / S))} of them masked: those of the lowest score {@code ln p(x0)}, where {@code
 * x0} is the token drawn there, times {@code eta} if the position was filled before the step. Of
 * the others, a masked one takes its {@code x0} and a filled one keeps the token that it has.
 *
 * <p>This is {@code p2_sampling} (pengzhangzhi/Path-Planning, {@code p2.py} at 68675ea) at
 * temperature 0, and {@code alg="p2"} of pengzhangzhi/Open-dLLM ({@code generation_utils.py} at
 * 8b38787) at any. Where they leave a choice, or surprise:
 *
 * <ul>
 *   <li><b>The score of a filled position</b> is that of a token drawn anew, not of the token that
 *       stands there, as published. Nothing is remembered of when it was filled.
 *   <li><b>Above temperature 0</b> probabilities are those that tokens are drawn with, after
 *       temperature and filters, as in the paper and in Open-dLLM; {@code p2_sampling} adds the
 *       draw's Gumbel noise to the logits before it takes them.
 *   <li><b>The number of masks</b> is computed in floats, as published, so that it is the published
 *       one too where that is one below the formula's.
 *   <li><b>Ties</b> go to the lower position: of equal scores it is the higher one that is masked.
 *       {@code p2_sampling} masks none of the scores that are equal to the lowest one spared, and
 *       then fills more than its schedule says.
 *   <li><b>Forwards.</b> There are {@code steps}, but a step that finds every position filled and
 *       masks none asks for nothing.
 *   <li><b>Not here:</b> a second model as the planner, and scores by chance or by margin. Random
 *       scores with {@code eta} 0 are LLaDA's {@code random}.
 *   <li><b>The mask id is never drawn;</b> see {@link LladaSampler}.
 * </ul>
 *
 * @param options that it follows
 * @param specials the ids that mean something to it
 */
public record P2Sampler(P2Options options, SpecialTokens specials) implements Sampler {
  /** Its name on the command line and in a trace. */
  public static final String NAME = "p2";

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
      double score = StrictMath.log(predictions.get(row).probability());
      scores[row] = isMasked(canvas, rows[row]) ? score : options.eta() * score;
    }
    int spared = Math.max(0, rows.length - masksAfter(canvas, at));
    List<Commit> commits = new ArrayList<>();
    boolean[] isSpared = new boolean[rows.length];
    for (int row : new SelectionRule.FixedCount(spared).select(scores)) {
      isSpared[row] = true;
      if (isMasked(canvas, rows[row])) {
        commits.add(Commit.of(rows[row], predictions.get(row)));
      }
    }
    int[] remasked =
        IntStream.range(0, rows.length)
            .filter(row -> !isSpared[row] && !isMasked(canvas, rows[row]))
            .map(row -> rows[row])
            .toArray();
    return new Turn(commits, List.of(), remasked, at.nextStep());
  }

  /** Any filled position may be masked again, up to the last step. */
  @Override
  public int settled(CanvasImage canvas, Cursor at) {
    return options.eta() == 0 || finished(canvas, at) ? canvas.firstOpen() : canvas.firstOwn();
  }

  @Override
  public long width(CanvasImage canvas) {
    return canvas.length();
  }

  /** Those that are ranked: the filled ones too, if any of them can be masked again. */
  private int[] rows(CanvasImage canvas, Cursor at) {
    int[] masked = in(CellState.MASKED, canvas);
    if (options.eta() == 0 || masksAfter(canvas, at) == 0) {
      return masked;
    }
    return IntStream.concat(Arrays.stream(masked), Arrays.stream(in(CellState.COMMITTED, canvas)))
        .sorted()
        .toArray();
  }

  /** How many positions are masked after the step. */
  private int masksAfter(CanvasImage canvas, Cursor at) {
    int positions = in(CellState.MASKED, canvas).length + in(CellState.COMMITTED, canvas).length;
    double kappa = (at.step() + 1) * (1.0 / options.steps());
    return (int) ((float) positions * (float) (1 - kappa));
  }

  private static int[] in(CellState state, CanvasImage canvas) {
    return canvas.positions(state, canvas.promptLength(), canvas.length());
  }

  private static boolean isMasked(CanvasImage canvas, int position) {
    return canvas.state(position) == CellState.MASKED;
  }
}
