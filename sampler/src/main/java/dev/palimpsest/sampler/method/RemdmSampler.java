package dev.palimpsest.sampler.method;

import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.CellState;
import dev.palimpsest.sampler.canvas.Commit;
import dev.palimpsest.sampler.canvas.Cursor;
import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.sampler.canvas.Turn;
import dev.palimpsest.step.Philox;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * ReMDM, "Remasking Discrete Diffusion Models with Inference-Time Scaling" (arXiv 2503.00307): the
 * ancestral sampler of a masked diffusion model that may also mask again what it has filled.
 *
 * <p>With {@code a(t) = 1 - t} and times that fall evenly from 1 to 0, a step from {@code t} to
 * {@code s} masks a filled position again with probability {@code σ} and fills a masked one with
 * probability {@code (a(s) - (1 - σ) · a(t)) / (1 - a(t))}, where {@code σ} is at most {@code
 * min(1, (1 - a(s)) / a(t))}. Whatever {@code σ} is, a position is masked after the step with
 * probability {@code 1 - a(s)}; at the last step nothing is masked again and everything is filled.
 *
 * <ul>
 *   <li><b>Strict {@code conf}.</b> The paper gives a position the confidence it had when it was
 *       filled, which would have to be carried from step to step. Here it is computed anew: the
 *       model's highest probability at the position if the token that stands there is still its
 *       first choice, else 0. {@code σ} is shared out by the softmax of the negated confidences of
 *       all filled positions, and masked positions are filled as without remasking, as in the
 *       paper.
 *   <li><b>Choices</b> are by numbers keyed by seed, step and position, made before the forward: it
 *       is asked for the positions to fill only, and with {@code conf} for the filled ones.
 *   <li><b>The mask id is never drawn;</b> see {@link LladaSampler}.
 * </ul>
 *
 * @param options that it follows
 * @param specials the ids that mean something to it
 */
public record RemdmSampler(RemdmOptions options, SpecialTokens specials) implements Sampler {
  /** Its name on the command line and in a trace. */
  public static final String NAME = "remdm";

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
    int[] rows =
        options.remasking() == Remasking.CONF
            ? IntStream.concat(Arrays.stream(filling(canvas, at)), Arrays.stream(filled(canvas)))
                .sorted()
                .toArray()
            : filling(canvas, at);
    return new Query(
        canvas.ids(),
        0,
        rows,
        0,
        options.draw().draw(options.seed(), at.step(), specials.unwritten()),
        Optional.empty());
  }

  @Override
  public Turn take(CanvasImage canvas, Cursor at, int[] rows, List<Prediction> predictions) {
    List<Commit> commits = new ArrayList<>();
    int[] filled = filled(canvas);
    double[] sigmas = new double[filled.length];
    Arrays.fill(sigmas, sigma(at.step()));
    double total = 0;
    int seen = 0;
    for (int row = 0; row < rows.length; row++) {
      Prediction prediction = predictions.get(row);
      if (canvas.state(rows[row]) == CellState.MASKED) {
        commits.add(Commit.of(rows[row], prediction));
      } else {
        boolean firstChoice = prediction.argmax() == canvas.id(rows[row]);
        double weight = StrictMath.exp(firstChoice ? -prediction.top() : 0);
        sigmas[seen++] *= weight;
        total += weight;
      }
    }
    int[] remasked = new int[filled.length];
    int count = 0;
    for (int index = 0; index < filled.length; index++) {
      double sigma = seen == 0 ? sigmas[index] : sigmas[index] / total;
      double uniform =
          Philox.uniform(options.seed(), at.step(), filled[index], Purposes.MASKING_AGAIN);
      if (uniform < sigma) {
        remasked[count++] = filled[index];
      }
    }
    return new Turn(commits, List.of(), Arrays.copyOf(remasked, count), at.nextStep());
  }

  /** Any filled position may be masked again, up to the last step. */
  @Override
  public int settled(CanvasImage canvas, Cursor at) {
    return finished(canvas, at) ? canvas.firstOpen() : canvas.firstOwn();
  }

  @Override
  public long width(CanvasImage canvas) {
    return canvas.length();
  }

  /** The probability that a filled position is masked again; with conf, of all of them together. */
  private double sigma(int step) {
    double kept = kept(step);
    double masked = 1 - kept(step + 1);
    double most = masked == 0 ? 0 : kept == 0 ? 1 : Math.min(1, masked / kept);
    return options.remasking() == Remasking.CAP
        ? Math.min(options.eta(), most)
        : options.eta() * most;
  }

  /** {@code a}: the share of positions that are filled after so many steps. */
  private double kept(int steps) {
    return (double) steps / options.steps();
  }

  /** The masked positions that this step fills. */
  private int[] filling(CanvasImage canvas, Cursor at) {
    double kept = kept(at.step());
    double sigma = options.remasking() == Remasking.CONF ? 0 : sigma(at.step());
    double share = (kept(at.step() + 1) - (1 - sigma) * kept) / (1 - kept);
    boolean last = at.step() + 1 == options.steps();
    return Arrays.stream(canvas.positions(CellState.MASKED, canvas.promptLength(), canvas.length()))
        .filter(
            position ->
                last
                    || Philox.uniform(options.seed(), at.step(), position, Purposes.UNMASKING)
                        < share)
        .toArray();
  }

  private static int[] filled(CanvasImage canvas) {
    return canvas.positions(CellState.COMMITTED, canvas.promptLength(), canvas.length());
  }
}
