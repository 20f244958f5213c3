package dev.palimpsest.sampler.method;

import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.CellState;
import dev.palimpsest.sampler.canvas.Cursor;
import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.sampler.canvas.Turn;
import dev.palimpsest.step.Draw;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * WeDLM's streaming parallel decoding (Liu et al., 2025): a window slides over the text from its
 * first masked position on, and a step fills those positions of it whose entropy is low, nearer
 * ones sooner. The model sees what is known first and then the masks, causally, so that the text up
 * to the first mask is cacheable token by token.
 *
 * <p>Everything follows from the first masked position. Where the reference leaves a choice, or
 * surprises:
 *
 * <ul>
 *   <li><b>The window ends with the text.</b> The reference lets it reach as far as memory has been
 *       set aside.
 *   <li><b>Stop.</b> The text ends as soon as nothing before a stop id is masked; the reference
 *       takes one more forward to see it.
 *   <li><b>The mask id is never written.</b>
 * </ul>
 *
 * @param options that it follows
 * @param specials the ids that mean something to it
 */
public record WedlmSampler(WedlmOptions options, SpecialTokens specials) implements Sampler {
  /** Its name on the command line and in a trace. */
  public static final String NAME = "wedlm";

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
    int end = Math.min(canvas.length(), open + options.windowSize());
    return new Query(
        Arrays.copyOf(canvas.ids(), end),
        0,
        canvas.positions(CellState.MASKED, open, end),
        open,
        new Draw(options.temperature(), options.seed(), at.step(), specials.unwritten()),
        Optional.empty());
  }

  @Override
  public Turn take(CanvasImage canvas, Cursor at, int[] rows, List<Prediction> predictions) {
    double[] certainties = new double[rows.length];
    for (int index = 0; index < rows.length; index++) {
      double penalty = options.posPenaltyFactor() * (rows[index] - rows[0]);
      certainties[index] = -(predictions.get(index).entropy() + penalty);
    }
    SelectionRule rule =
        options.entropyThreshold().isPresent()
            ? new SelectionRule.Above(-options.entropyThreshold().getAsDouble(), 1)
            : new SelectionRule.FixedCount(1);
    return Turn.of(rule.commits(rows, certainties, predictions), at.nextStep());
  }

  @Override
  public long width(CanvasImage canvas) {
    return canvas.length();
  }
}
