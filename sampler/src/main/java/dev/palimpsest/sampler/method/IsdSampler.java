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
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * I-DLM's introspective strided decoding ({@code IDLMBlockN}), for a causal model that was trained
 * to fill masks, too. A step reads the text, the drafts of the step before and a few masks behind
 * them, all causally. It checks the drafts: what the model would have written itself stays, the
 * first draft that differs is replaced and those behind it are masked again. If all stand, the next
 * token is added, and the masks' predictions as new drafts. So the text is the causal model's own,
 * at temperature 0 token for token that of {@link DecodeSampler}.
 *
 * <p>The cursor's block is the last token that stands for good, counted from the end of the prompt.
 * Where the reference leaves a choice, or surprises:
 *
 * <ul>
 *   <li><b>With a temperature</b> a draft stands if it is what the model draws there. The reference
 *       accepts it with probability {@code min(1, p/q)}, for which the distribution that it was
 *       drafted from has to be carried to the next step; here tokens alone are. What is written is
 *       distributed alike: it is the causal model's draws.
 *   <li><b>The first token</b> is a step of its own, over the prompt.
 *   <li><b>The mask id is never written.</b>
 * </ul>
 *
 * @param options that it follows
 * @param specials the ids that mean something to it
 */
public record IsdSampler(IsdOptions options, SpecialTokens specials) implements Sampler {
  /** Its name on the command line and in a trace. */
  public static final String NAME = "isd";

  @Override
  public Cursor start(CanvasImage canvas) {
    Require.positions(canvas, options);
    Require.prompt(canvas);
    if (!specials.hasMask()) {
      throw new InvalidOptionException(
          "sampler",
          NAME,
          "drafts at masks, and the model has none: name its mask_token_id in config.json, or use"
              + " decode");
    }
    return Cursor.START;
  }

  @Override
  public boolean finished(CanvasImage canvas, Cursor at) {
    int checked = last(canvas, at) + 1;
    return checked == canvas.length() || canvas.stopsBefore(checked, specials);
  }

  @Override
  public Query ask(CanvasImage canvas, Cursor at) {
    int drafted = canvas.firstOpen();
    int last = last(canvas, at);
    int end =
        isFirst(canvas)
            ? last + 1
            : Math.min(canvas.length(), drafted + options.genBlockSize()) - 1;
    return new Query(
            Arrays.copyOf(canvas.ids(), end),
            0,
            IntStream.range(last, end).toArray(),
            last + 1,
            new Draw(options.temperature(), options.seed(), at.step(), specials.unwritten()),
            Optional.empty())
        .attending(new AttentionPattern.Causal());
  }

  @Override
  public Turn take(CanvasImage canvas, Cursor at, int[] rows, List<Prediction> predictions) {
    int drafted = canvas.firstOpen();
    List<Commit> commits = new ArrayList<>();
    for (int index = 0; index < rows.length; index++) {
      int position = rows[index] + 1;
      Prediction prediction = predictions.get(index);
      if (canvas.state(position) == CellState.MASKED) {
        commits.add(Commit.of(position, prediction));
      } else if (position < drafted
          && canvas.state(position) == CellState.COMMITTED
          && prediction.token() != canvas.id(position)) {
        return new Turn(
            List.of(),
            List.of(Commit.of(position, prediction)),
            canvas.positions(CellState.COMMITTED, position + 1, drafted),
            next(canvas, at, position));
      }
    }
    return Turn.of(commits, next(canvas, at, Math.min(drafted, canvas.length() - 1)));
  }

  /** A draft is not settled before it is checked, or the text ends before it. */
  @Override
  public int settled(CanvasImage canvas, Cursor at) {
    return finished(canvas, at) ? canvas.firstOpen() : last(canvas, at) + 1;
  }

  @Override
  public long width(CanvasImage canvas) {
    return canvas.length();
  }

  private static Cursor next(CanvasImage canvas, Cursor at, int last) {
    return new Cursor(at.step() + 1, last - canvas.promptLength(), 0, 0);
  }

  /** The last token that stands for good; the prompt's, before anything is written. */
  private static int last(CanvasImage canvas, Cursor at) {
    return Math.min(canvas.promptLength() + at.block(), canvas.firstOpen() - 1);
  }

  private static boolean isFirst(CanvasImage canvas) {
    return canvas.firstOpen() == canvas.promptLength();
  }
}
