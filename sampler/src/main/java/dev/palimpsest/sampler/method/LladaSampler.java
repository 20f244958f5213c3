package dev.palimpsest.sampler.method;

import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.CellState;
import dev.palimpsest.sampler.canvas.Commit;
import dev.palimpsest.sampler.canvas.Cursor;
import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.sampler.canvas.Turn;
import dev.palimpsest.step.Draw;
import dev.palimpsest.step.Philox;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * LLaDA's {@code generate} (ML-GSAI/LLaDA, {@code generate.py} at b7e6c35), and the same loop with
 * Fast-dLLM's threshold or factor, or dInfer's hierarchical decoding, without their caches.
 *
 * <p>The canvas is filled block by block from left to right. Each step predicts the masked
 * positions of the current block, ranks them, and commits the best. Other rows are not asked for:
 * earlier blocks are complete and later ones may not be chosen.
 *
 * <p>Where the reference leaves a choice, or surprises:
 *
 * <ul>
 *   <li><b>Forwards.</b> Without thresholds and factor there are exactly {@code steps} forwards, as
 *       in the reference. A step whose share is 0 still runs one; once its block is complete it
 *       asks for no rows.
 *   <li><b>Nothing is carried</b> from step to step: a step commits the masks that are left, spread
 *       over the steps that are left. A position that was masked again by hand in an earlier block
 *       is a candidate like any other, as in the reference.
 *   <li><b>Masks in the prompt</b> are text that the model is shown: never filled, never counted.
 *       In the reference they compete with every block for a budget that does not count them, so
 *       that they are filled and positions of the text stay masked.
 *   <li><b>The mask id is never drawn.</b> It stays in the softmax, so confidences are the
 *       reference's. There a predicted mask is "committed", stays masked, and its share of the
 *       budget is lost; here every commit writes a token, and no mask is left at the end.
 *   <li><b>Random remasking</b> ranks by a number from {@link Philox}, keyed by seed, step and
 *       position, so that a seed repeats its order whatever shares the batch. {@code
 *       confidenceEosEotInf} does not touch this order, as in the reference.
 *   <li><b>{@code topk_margin}</b> (Kim et al., "Train for the Worst, Plan for the Best", arXiv
 *       2502.06768) ranks by {@code p1 - p2}, the gap between the two highest probabilities of the
 *       position, and {@code entropy} by {@code -H(p)}, whatever the drawn token is: both without
 *       noise and temperature, as in the LLaDA loop of fengsxy/ThinkOutofOrder ({@code
 *       run_llada_sampling_methods.py} at 4cd5ffb). Its entropy has {@code log(p + 1e-10)}, which
 *       differs from the entropy itself by less than 1e-10 for every id of the vocabulary.
 *   <li><b>Confidences</b> are doubles computed from float logits, so that ties are rare, and ties
 *       go to the lower position. The reference takes the softmax in the model's dtype; in bfloat16
 *       near 1 that leaves many ties, broken in no stated order.
 *   <li><b>No early stop.</b> The text after an end-of-text id is written too; {@code
 *       Generation.tokens} cuts it off.
 *   <li><b>No padding.</b> Prompts of different lengths share a batch as they are, so there is no
 *       pad id to confuse with the mask and no attention mask for guidance to trip over.
 *   <li><b>{@code confidenceEosEotInf}</b> leaves end of text and end of turn out of the softmax
 *       after the token is drawn: a position that drew one has confidence 0 and goes last, and the
 *       others share the remaining probability. With {@code topk_margin} and {@code entropy} too
 *       such a position goes last, although neither looks at the token. This is what the reference
 *       does at temperature 0, where two names mean one tensor; at other temperatures it suppresses
 *       end of turn only, a bug that is not repeated.
 *   <li><b>{@code logitsEosInf}</b> removes end of text before the token is drawn: neither drawn
 *       nor counted.
 *   <li><b>Guidance</b> compares with the canvas whose prompt is masked. It is one forward.
 * </ul>
 *
 * @param options that it follows
 * @param specials the ids that mean something to it
 */
public record LladaSampler(LladaOptions options, SpecialTokens specials) implements Sampler {
  /** Its name on the command line and in a trace. */
  public static final String NAME = "llada";

  private static final int[] NO_IDS = {};

  @Override
  public Cursor start(CanvasImage canvas) {
    Require.positions(canvas, options);
    return Cursor.START;
  }

  @Override
  public boolean finished(CanvasImage canvas, Cursor at) {
    return at.block() >= options.blocks();
  }

  @Override
  public Query ask(CanvasImage canvas, Cursor at) {
    Draw draw =
        new Draw(
            options.temperature(),
            Optional.empty(),
            options.seed(),
            at.step(),
            undrawn(),
            uncounted());
    Optional<Query.Guidance> guidance =
        options.cfgScale() > 0
            ? Optional.of(
                new Query.Guidance(canvas.idsWithoutPrompt(specials.maskId()), options.cfgScale()))
            : Optional.empty();
    return new Query(canvas.ids(), 0, rows(canvas, at), 0, draw, guidance);
  }

  @Override
  public Turn take(CanvasImage canvas, Cursor at, int[] rows, List<Prediction> predictions) {
    List<Commit> commits =
        rule(rows.length, at).commits(rows, scores(rows, at, predictions), predictions);
    boolean blockDone =
        options.adaptive() ? commits.size() == rows.length : at.stepInBlock() + 1 >= blockSteps();
    return Turn.of(commits, blockDone ? at.nextBlock() : at.nextStep());
  }

  @Override
  public long width(CanvasImage canvas) {
    return options.cfgScale() > 0 ? 2L * canvas.length() : canvas.length();
  }

  private int blockSteps() {
    return options.steps() / options.blocks();
  }

  private SelectionRule rule(int masks, Cursor at) {
    if (options.lowThreshold().isPresent()) {
      return new SelectionRule.Hierarchy(options.threshold(), options.lowThreshold().getAsDouble());
    }
    if (options.threshold().isPresent()) {
      return new SelectionRule.Threshold(options.threshold().getAsDouble());
    }
    if (options.factor().isPresent()) {
      return new SelectionRule.Factor(options.factor().getAsDouble());
    }
    return new SelectionRule.FixedCount(
        TransferSchedule.count(masks, Math.max(1, blockSteps() - at.stepInBlock())));
  }

  private double[] scores(int[] rows, Cursor at, List<Prediction> predictions) {
    int[] last = uncounted();
    double[] scores = new double[rows.length];
    for (int row = 0; row < rows.length; row++) {
      Prediction prediction = predictions.get(row);
      boolean isLast = Arrays.binarySearch(last, prediction.token()) >= 0;
      scores[row] =
          switch (options.remasking()) {
            case LOW_CONFIDENCE -> prediction.probability();
            case RANDOM -> Philox.uniform(options.seed(), at.step(), rows[row], Purposes.REMASKING);
            case TOPK_MARGIN -> isLast ? Double.NEGATIVE_INFINITY : prediction.margin();
            case ENTROPY -> isLast ? Double.NEGATIVE_INFINITY : -prediction.entropy();
            default -> throw options.remasking().unknownTo(NAME);
          };
    }
    return scores;
  }

  private int[] rows(CanvasImage canvas, Cursor at) {
    int end = canvas.promptLength() + (at.block() + 1) * options.blockLength();
    return canvas.positions(CellState.MASKED, canvas.promptLength(), end);
  }

  private int[] undrawn() {
    return union(new int[] {specials.maskId()}, options.logitsEosInf() ? eos() : NO_IDS);
  }

  private int[] uncounted() {
    if (options.confidenceEosEotInf()) {
      return union(eos(), eot());
    }
    return options.logitsEosInf() ? eos() : NO_IDS;
  }

  private int[] eos() {
    return specials.hasEos() ? new int[] {specials.eosId()} : NO_IDS;
  }

  private int[] eot() {
    return specials.eotId().isPresent() ? new int[] {specials.eotId().getAsInt()} : NO_IDS;
  }

  private static int[] union(int[] some, int[] others) {
    return IntStream.concat(Arrays.stream(some), Arrays.stream(others))
        .sorted()
        .distinct()
        .toArray();
  }
}
