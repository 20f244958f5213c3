package dev.palimpsest.sampler;

import dev.palimpsest.engine.Draw;
import dev.palimpsest.engine.Philox;
import dev.palimpsest.engine.Prediction;
import dev.palimpsest.engine.Query;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * LLaDA's {@code generate} (ML-GSAI/LLaDA, {@code generate.py} at b7e6c35), and the same loop with
 * Fast-dLLM's threshold or factor, without its caches.
 *
 * <p>The canvas is filled block by block from left to right. Each step predicts the masked
 * positions of the current block, ranks them, and commits the best. Other rows are not asked for:
 * earlier blocks are complete and later ones may not be chosen.
 *
 * <p>Where the reference leaves a choice, or surprises:
 *
 * <ul>
 *   <li><b>Forwards.</b> Without threshold and factor there are exactly {@code steps} forwards, as
 *       in the reference. A step whose share is 0 still runs one; once its block is complete it
 *       asks for no rows.
 *   <li><b>Masks in the prompt</b> are text that the model is shown: never filled, never counted.
 *       In the reference they compete with every block for a budget that does not count them, so
 *       that they are filled and positions of the text stay masked.
 *   <li><b>The mask id is never drawn.</b> It stays in the softmax, so confidences are the
 *       reference's. There a predicted mask is "committed", stays masked, and its share of the
 *       budget is lost; here every commit writes a token, and no mask is left at the end.
 *   <li><b>Random remasking</b> ranks by a number from {@link Philox}, keyed by seed, step and
 *       position, so that a seed repeats its order whatever shares the batch. {@code
 *       confidenceEosEotInf} does not touch this order, as in the reference.
 *   <li><b>Confidences</b> are doubles computed from float logits, so that ties are rare, and ties
 *       go to the lower position. The reference takes the softmax in the model's dtype; in bfloat16
 *       near 1 that leaves many ties, broken in no stated order.
 *   <li><b>No early stop.</b> The text after an end-of-text id is written too; {@link
 *       Generation#tokens} cuts it off.
 *   <li><b>No padding.</b> Prompts of different lengths share a batch as they are, so there is no
 *       pad id to confuse with the mask and no attention mask for guidance to trip over.
 *   <li><b>{@code confidenceEosEotInf}</b> leaves end of text and end of turn out of the softmax
 *       after the token is drawn: a position that drew one has confidence 0 and goes last, and the
 *       others share the remaining probability. This is what the reference does at temperature 0,
 *       where two names mean one tensor; at other temperatures it suppresses end of turn only, a
 *       bug that is not repeated.
 *   <li><b>{@code logitsEosInf}</b> removes end of text before the token is drawn: neither drawn
 *       nor counted.
 *   <li><b>Guidance</b> compares with the canvas whose prompt is masked. It is one forward.
 * </ul>
 */
public final class LladaRun implements Run {
  private static final int[] NO_IDS = {};

  private final GenerateOptions options;
  private final SpecialTokens specials;
  private final Canvas canvas;
  private final int[] undrawn;
  private final int[] uncounted;
  private int step;
  private int block;
  private int stepInBlock;
  private int[] rows;
  private TransferSchedule schedule;

  /**
   * A run at its first step.
   *
   * @param prompt may be empty; copied. {@link Generator} checks it against the model
   */
  public LladaRun(int[] prompt, GenerateOptions options, SpecialTokens specials) {
    this.options = options;
    this.specials = specials;
    canvas = new Canvas(prompt, options.genLength(), specials.maskId());
    int[] eos = options.logitsEosInf() ? new int[] {specials.eosId()} : NO_IDS;
    undrawn = union(new int[] {specials.maskId()}, eos);
    uncounted = options.confidenceEosEotInf() ? union(stopIds(specials), eos) : eos;
    rows = maskedRows();
    schedule = scheduleOfBlock();
  }

  @Override
  public boolean finished() {
    return block == options.blocks();
  }

  @Override
  public Query ask() {
    requireUnfinished();
    Draw draw =
        new Draw(options.temperature(), Optional.empty(), options.seed(), step, undrawn, uncounted);
    Optional<Query.Guidance> guidance =
        options.cfgScale() > 0
            ? Optional.of(new Query.Guidance(canvas.idsWithoutPrompt(), options.cfgScale()))
            : Optional.empty();
    return new Query(canvas.ids(), 0, rows.clone(), 0, draw, guidance);
  }

  @Override
  public Snapshot accept(List<Prediction> predictions, long elapsedNanos) {
    requireUnfinished();
    Answers.require(rows, undrawn, predictions);
    int[] chosen = rule().select(scores(predictions));
    List<Commit> commits = new ArrayList<>(chosen.length);
    for (int index : chosen) {
      Prediction prediction = predictions.get(index);
      canvas.commit(rows[index], prediction.token());
      commits.add(
          new Commit(
              rows[index],
              prediction.token(),
              prediction.probability(),
              prediction.entropy(),
              prediction.margin()));
    }
    Snapshot snapshot =
        new Snapshot(step, block, commits, canvas.image(), canvas.masked(), elapsedNanos);
    advance();
    return snapshot;
  }

  @Override
  public CanvasImage canvas() {
    return canvas.image();
  }

  @Override
  public SpecialTokens specials() {
    return specials;
  }

  @Override
  public long width() {
    return options.cfgScale() > 0 ? 2L * canvas.length() : canvas.length();
  }

  private SelectionRule rule() {
    if (options.threshold().isPresent()) {
      return new SelectionRule.Threshold(options.threshold().getAsDouble());
    }
    if (options.factor().isPresent()) {
      return new SelectionRule.Factor(options.factor().getAsDouble());
    }
    return new SelectionRule.FixedCount(schedule.count(stepInBlock));
  }

  private double[] scores(List<Prediction> predictions) {
    double[] scores = new double[rows.length];
    int[] words = new int[4];
    for (int row = 0; row < rows.length; row++) {
      if (options.remasking() == Remasking.RANDOM) {
        Philox.block(options.seed(), step, rows[row], Philox.Purpose.REMASKING, 0, words);
        scores[row] = Philox.uniform(words[0]);
      } else {
        scores[row] = predictions.get(row).probability();
      }
    }
    return scores;
  }

  private void advance() {
    step++;
    stepInBlock++;
    rows = maskedRows();
    boolean blockDone = options.adaptive() ? rows.length == 0 : stepInBlock == schedule.steps();
    if (blockDone) {
      block++;
      stepInBlock = 0;
      if (!finished()) {
        rows = maskedRows();
        schedule = scheduleOfBlock();
      }
    }
  }

  private TransferSchedule scheduleOfBlock() {
    // Not used by a threshold or a factor, where steps may be fewer than the blocks.
    return new TransferSchedule(rows.length, Math.max(1, options.steps() / options.blocks()));
  }

  private int[] maskedRows() {
    int from = canvas.promptLength() + block * options.blockLength();
    return canvas.maskedPositions(from, from + options.blockLength());
  }

  private void requireUnfinished() {
    if (finished()) {
      throw new IllegalStateException("the run finished after step " + (step - 1));
    }
  }

  private static int[] stopIds(SpecialTokens specials) {
    return specials.eotId().isPresent()
        ? new int[] {specials.eosId(), specials.eotId().getAsInt()}
        : new int[] {specials.eosId()};
  }

  private static int[] union(int[] some, int[] others) {
    return IntStream.concat(Arrays.stream(some), Arrays.stream(others))
        .sorted()
        .distinct()
        .toArray();
  }
}
