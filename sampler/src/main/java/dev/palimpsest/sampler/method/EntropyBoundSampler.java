package dev.palimpsest.sampler.method;

import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.CellState;
import dev.palimpsest.sampler.canvas.Commit;
import dev.palimpsest.sampler.canvas.Cursor;
import dev.palimpsest.sampler.canvas.Drafts;
import dev.palimpsest.sampler.canvas.Noise;
import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.sampler.canvas.Turn;
import dev.palimpsest.step.Draw;
import dev.palimpsest.step.Philox;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import dev.palimpsest.step.SamplingFilter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * DiffusionGemma's sampler (Transformers 5.18, {@code EntropyBoundSampler}; the bound is that of
 * Ben-Hamu et al., arXiv 2505.24857). A canvas begins as random ids. Every step draws an id for
 * each of its positions at a temperature that falls from step to step, accepts those of the surest
 * positions, and puts new random ids at all others, whether they were accepted before or not. A
 * canvas ends after its last step, or as soon as the most probable ids stay the same and the mean
 * entropy is low; what is written then are the most probable ids, and the next canvas follows.
 *
 * <p>Where the reference leaves a choice, or surprises:
 *
 * <ul>
 *   <li><b>Random numbers</b> are keyed by seed, step and position: ids are drawn as everywhere
 *       here ({@link Draw}), random ones from the vocabulary with equal chances but for a part of
 *       2⁻³².
 *   <li><b>Ties</b> of entropy go to the lower position; the reference's sort leaves them open.
 *   <li><b>The first of a canvas is always accepted,</b> since its own entropy does not count.
 *   <li><b>Stop.</b> The text ends with the canvas that holds a stop id; the reference then
 *       overwrites what follows it with padding, and here the text is cut.
 *   <li><b>Later canvases</b> hold random ids from the beginning, which no step is shown before
 *       their turn.
 *   <li><b>Self-conditioning.</b> The published sampler is {@link SelfConditioning#SOFT}. Drafts,
 *       the most probable ids of the last step, stand beside the canvas: they are what {@link
 *       SelfConditioning#TOP_1} tells a step, and what says whether a canvas is stable. What {@link
 *       SelfConditioning#TOP_K} tells is read from the predictions; with one id it is that of
 *       {@code TOP_1}, and comes to the same bits.
 * </ul>
 *
 * @param options that it follows
 * @param specials the ids that mean something to it
 */
public record EntropyBoundSampler(EntropyBoundOptions options, SpecialTokens specials)
    implements Sampler {
  /** Its name on the command line and in a trace. */
  public static final String NAME = "entropy_bound";

  /** Random ids stand where masks stood. */
  @Override
  public CanvasImage prepared(CanvasImage masked) {
    int[] ids = masked.ids();
    CellState[] states = masked.states();
    for (int position : masked.positions(CellState.MASKED, masked.promptLength(), ids.length)) {
      ids[position] = noise(0, position, Purposes.FIRST_NOISE);
      states[position] = CellState.NOISE;
    }
    return CanvasImage.of(ids, states, masked.promptLength());
  }

  @Override
  public Cursor start(CanvasImage canvas) {
    Require.positions(canvas, options);
    if (canvas.positions(CellState.MASKED, canvas.promptLength(), canvas.length()).length > 0) {
      throw new IllegalArgumentException(
          "the canvas holds masks, and " + NAME + " fills noise: it begins with random ids");
    }
    return Cursor.START;
  }

  @Override
  public boolean finished(CanvasImage canvas, Cursor at) {
    int start = start(canvas, at);
    return start >= canvas.length() || canvas.stopsBefore(start, specials);
  }

  @Override
  public Query ask(CanvasImage canvas, Cursor at) {
    int start = start(canvas, at);
    int end = start + options.canvasLength();
    Query query =
        new Query(
            Arrays.copyOf(canvas.ids(), end),
            0,
            IntStream.range(start, end).toArray(),
            start,
            new Draw(
                temperature(at),
                Optional.of(SamplingFilter.ALL),
                options.seed(),
                at.step(),
                specials.unwritten(),
                specials.unwritten()),
            Optional.empty());
    boolean tells = options.selfConditioning() == SelfConditioning.TOP_1 && at.stepInBlock() > 0;
    return tells ? query.telling(canvas.drafts().ids()) : query;
  }

  /** {@code t_min + (t_max - t_min) · steps left / steps}: {@code t_max} at first. */
  public double temperature(Cursor at) {
    double left = options.maxDenoisingSteps() - at.stepInBlock();
    return options.tMin()
        + (options.tMax() - options.tMin()) * (left / options.maxDenoisingSteps());
  }

  @Override
  public Turn take(CanvasImage canvas, Cursor at, int[] rows, List<Prediction> predictions) {
    Drafts drafts =
        new Drafts(rows[0], predictions.stream().mapToInt(Prediction::argmax).toArray());
    int unchanged = drafts.equals(canvas.drafts()) ? at.stepsFull() + 1 : 0;
    double mean = predictions.stream().mapToDouble(Prediction::entropy).average().orElseThrow();
    boolean settles =
        unchanged >= options.stabilityThreshold() && mean < options.confidenceThreshold();
    return settles || at.stepInBlock() + 1 == options.maxDenoisingSteps()
        ? written(canvas, at, rows, predictions, drafts)
        : denoised(canvas, at, rows, predictions, drafts, unchanged);
  }

  /** The canvas ends: every position gets its most probable id. */
  private static Turn written(
      CanvasImage canvas, Cursor at, int[] rows, List<Prediction> predictions, Drafts drafts) {
    List<Commit> commits = new ArrayList<>();
    List<Commit> edits = new ArrayList<>();
    for (int row = 0; row < rows.length; row++) {
      put(canvas, Commit.ofArgmax(rows[row], predictions.get(row)), commits, edits);
    }
    return new Turn(commits, edits, new int[0], List.of(), drafts, at.nextBlock());
  }

  private Turn denoised(
      CanvasImage canvas,
      Cursor at,
      int[] rows,
      List<Prediction> predictions,
      Drafts drafts,
      int unchanged) {
    List<Commit> commits = new ArrayList<>();
    List<Commit> edits = new ArrayList<>();
    boolean[] accepted = new boolean[rows.length];
    double[] entropies = predictions.stream().mapToDouble(Prediction::entropy).toArray();
    for (int row : accepted(entropies, options.entropyBound())) {
      accepted[row] = true;
      put(canvas, Commit.of(rows[row], predictions.get(row)), commits, edits);
    }
    List<Noise> noise = new ArrayList<>();
    for (int row = 0; row < rows.length; row++) {
      if (!accepted[row] && canvas.state(rows[row]) != CellState.FIXED) {
        noise.add(new Noise(rows[row], noise(at.step(), rows[row], Purposes.NOISE)));
      }
    }
    Cursor next = new Cursor(at.step() + 1, at.block(), at.stepInBlock() + 1, unchanged);
    return new Turn(commits, edits, new int[0], noise, drafts, next);
  }

  private static void put(
      CanvasImage canvas, Commit commit, List<Commit> commits, List<Commit> edits) {
    switch (canvas.state(commit.position())) {
      case MASKED, NOISE -> commits.add(commit);
      case COMMITTED -> {
        if (canvas.id(commit.position()) != commit.token()) {
          edits.add(commit);
        }
      }
      case PROMPT, FIXED -> {}
    }
  }

  /**
   * The rows that a step accepts, the surest first: as many as have, without the last of them, at
   * most the bound in sum.
   *
   * @param entropies in nats, at least one
   */
  public static int[] accepted(double[] entropies, double bound) {
    int[] surest =
        IntStream.range(0, entropies.length)
            .boxed()
            .sorted(Comparator.comparingDouble(row -> entropies[row]))
            .mapToInt(Integer::intValue)
            .toArray();
    double spent = 0;
    int count = 0;
    while (count < surest.length && spent <= bound) {
      spent += entropies[surest[count++]];
    }
    return Arrays.copyOf(surest, count);
  }

  private int noise(int step, int position, Philox.Purpose purpose) {
    return (int) (Philox.uniform(options.seed(), step, position, purpose) * options.vocabulary());
  }

  /** Canvases that are written stand for good. */
  @Override
  public int settled(CanvasImage canvas, Cursor at) {
    return Math.min(canvas.length(), start(canvas, at));
  }

  private int start(CanvasImage canvas, Cursor at) {
    return canvas.promptLength() + at.block() * options.canvasLength();
  }

  @Override
  public long width(CanvasImage canvas) {
    return canvas.length();
  }
}
