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
import java.util.OptionalDouble;
import java.util.stream.IntStream;

/**
 * Block diffusion: SDAR's {@code generate.py}, LLaDA2.0's {@code generate} and, with an editing
 * threshold, LLaDA2.1's. The text is written block by block, each by a few steps of parallel
 * decoding; blocks lie at multiples of their length, so the tail of a prompt shares the first one,
 * or, as dllm's BD3LM has it, are counted from the end of the prompt. The model reads up to the end
 * of the current block, and everything before that block is cacheable. The reference fills its KV
 * cache by a forward of its own over each finished block; here that is the engine's affair and no
 * step of the sampler.
 *
 * <p>Where the references leave a choice, or surprise:
 *
 * <ul>
 *   <li><b>Nothing committed is overwritten.</b> SDAR's static rule takes its share of the block
 *       even where fewer positions are masked, and then writes over prompt and committed tokens;
 *       here it takes the masks that are left.
 *   <li><b>Shares</b> are those of the whole block over its steps, as in the reference, also where
 *       a prompt's tail has taken part of it. If the canvas was changed by hand, the steps that are
 *       left take what is masked.
 *   <li><b>Temperature 0</b> is the argmax. SDAR divides by it; LLaDA2's published sampler ignores
 *       it and draws as at 1.
 *   <li><b>The mask id is never drawn.</b> In SDAR a drawn mask can leave a block that never
 *       becomes full, whose keys and values are then missing from the KV cache. Where tokens are
 *       drawn with a temperature or filters, the mask takes no part in the distribution.
 *   <li><b>{@code entropy_bounded}</b> takes the entropy over the vocabulary, as JetEngine does;
 *       SDAR's script computes it of the drawn token alone and then stops on an undefined name.
 *   <li><b>Editing.</b> A committed token of the current block, prompt excluded, is replaced by
 *       another one of higher confidence than the threshold, also while others are still masked. A
 *       full block is read again until a step changes nothing, or {@code max_post_steps} times.
 *   <li><b>Stop.</b> The text ends with the block that holds a stop id, or, with {@code
 *       eos_early_stop}, as soon as nothing before the stop id is masked.
 *   <li><b>A position masked again by hand</b> in an earlier block is filled together with the
 *       current one.
 * </ul>
 *
 * @param options that it follows
 * @param specials the ids that mean something to it
 */
public record BlockSampler(BlockOptions options, SpecialTokens specials) implements Sampler {
  /** Its name on the command line and in a trace. */
  public static final String NAME = "block";

  @Override
  public Cursor start(CanvasImage canvas) {
    Require.positions(canvas, options);
    return Cursor.START;
  }

  @Override
  public boolean finished(CanvasImage canvas, Cursor at) {
    int start = start(canvas, at);
    if (start >= canvas.length()) {
      return true;
    }
    for (int position = canvas.promptLength(); position < canvas.length(); position++) {
      if (canvas.state(position) == CellState.MASKED) {
        return false;
      }
      if (canvas.state(position) == CellState.COMMITTED && specials.isStop(canvas.id(position))) {
        return position < start || options.eosEarlyStop();
      }
    }
    return false;
  }

  @Override
  public Query ask(CanvasImage canvas, Cursor at) {
    int end = start(canvas, at) + options.blockLength();
    int[] ids = canvas.ids();
    int[] masked = masked(canvas, at);
    int firstOpen = masked.length == 0 ? canvas.length() : masked[0];
    int cacheablePrefix = Math.max(0, Math.min(start(canvas, at), blockStart(canvas, firstOpen)));
    return new Query(
        options.wholeCanvas() ? ids : Arrays.copyOf(ids, end),
        0,
        rows(canvas, at),
        cacheablePrefix,
        options.draw().draw(options.seed(), at.step(), specials.unwritten()),
        Optional.empty());
  }

  @Override
  public Turn take(CanvasImage canvas, Cursor at, int[] rows, List<Prediction> predictions) {
    int[] masked = masked(canvas, at);
    List<Prediction> candidates = new ArrayList<>(masked.length);
    List<Commit> edits = new ArrayList<>();
    for (int row = 0; row < rows.length; row++) {
      Prediction prediction = predictions.get(row);
      if (canvas.state(rows[row]) == CellState.MASKED) {
        candidates.add(prediction);
      } else if (prediction.probability() > options.editingThreshold().orElseThrow()
          && prediction.token() != canvas.id(rows[row])) {
        edits.add(Commit.of(rows[row], prediction));
      }
    }
    List<Commit> commits = new ArrayList<>();
    for (int index : select(masked, candidates, at)) {
      commits.add(Commit.of(masked[index], candidates.get(index)));
    }
    return new Turn(
        commits, edits, new int[0], next(at, masked.length, commits.size(), edits.size()));
  }

  /** A sampler that edits may replace any token of the current block. */
  @Override
  public int settled(CanvasImage canvas, Cursor at) {
    if (options.editingThreshold().isEmpty() || finished(canvas, at)) {
      return canvas.firstOpen();
    }
    int open = canvas.firstOwn();
    return Math.max(open, Math.min(start(canvas, at), canvas.firstOpen()));
  }

  @Override
  public long width(CanvasImage canvas) {
    return canvas.length();
  }

  private Cursor next(Cursor at, int masked, int commits, int edits) {
    if (options.editingThreshold().isEmpty()) {
      return masked == commits ? at.nextBlock() : at.nextStep();
    }
    if (masked > 0) {
      return at.nextStep();
    }
    return edits == 0 || at.stepsFull() + 1 >= options.maxPostSteps()
        ? at.nextBlock()
        : at.nextFullStep();
  }

  /** Indices of the candidates to commit. */
  private int[] select(int[] masked, List<Prediction> candidates, Cursor at) {
    int share = share(candidates.size(), at);
    double[] confidences = candidates.stream().mapToDouble(Prediction::probability).toArray();
    return switch (options.remasking()) {
      case LOW_CONFIDENCE_STATIC -> new SelectionRule.FixedCount(share).select(confidences);
      case LOW_CONFIDENCE_DYNAMIC -> above(share).select(masked, confidences);
      case SEQUENTIAL -> IntStream.range(0, Math.min(share, confidences.length)).toArray();
      case ENTROPY_BOUNDED ->
          new SelectionRule.EntropyBound(options.entropyBound())
              .select(candidates.stream().mapToDouble(each -> -each.entropy()).toArray());
      default -> throw options.remasking().unknownTo(NAME);
    };
  }

  private SelectionRule above(int share) {
    return options.lowThreshold().isPresent()
        ? new SelectionRule.Hierarchy(
            OptionalDouble.of(options.threshold()), options.lowThreshold().getAsDouble())
        : new SelectionRule.Above(options.threshold(), share);
  }

  private int share(int masked, Cursor at) {
    int stepsLeft = options.steps() - at.stepInBlock();
    if (stepsLeft < 1) {
      return masked;
    }
    int published =
        options.blockLength() / options.steps()
            + (at.stepInBlock() < options.blockLength() % options.steps() ? 1 : 0);
    return Math.max(published, TransferSchedule.count(masked, stepsLeft));
  }

  /** The first position of the current block; it may lie in the prompt. */
  private int start(CanvasImage canvas, Cursor at) {
    long first = blockStart(canvas, canvas.promptLength());
    return (int) Math.min(canvas.length(), first + (long) at.block() * options.blockLength());
  }

  /** Where the block of a position starts; that of one in a prompt may lie before position 0. */
  private int blockStart(CanvasImage canvas, int position) {
    int origin = options.afterPrompt() ? canvas.promptLength() : 0;
    return origin + Math.floorDiv(position - origin, options.blockLength()) * options.blockLength();
  }

  private int[] masked(CanvasImage canvas, Cursor at) {
    int end = start(canvas, at) + options.blockLength();
    return canvas.positions(CellState.MASKED, canvas.promptLength(), end);
  }

  private int[] rows(CanvasImage canvas, Cursor at) {
    int[] masked = masked(canvas, at);
    if (options.editingThreshold().isEmpty()) {
      return masked;
    }
    int start = start(canvas, at);
    int[] committed = canvas.positions(CellState.COMMITTED, start, start + options.blockLength());
    return IntStream.concat(Arrays.stream(masked), Arrays.stream(committed)).sorted().toArray();
  }
}
