package dev.palimpsest.lab.lens;

import dev.palimpsest.lab.answer.SpanRule;
import dev.palimpsest.lab.answer.Spans;
import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.CellState;
import dev.palimpsest.sampler.statistics.CommitSteps;
import dev.palimpsest.sampler.trace.Trace;
import dev.palimpsest.step.Prediction;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.stream.IntStream;

/**
 * When the blocks of a model had the tokens of a text, and its answer, against when these were
 * written. Steps and blocks count from 0; {@code docs/measures.md} defines every number.
 *
 * @param blocks one for each block, the last one being what the step itself predicts
 * @param positions of the text that a step wrote, ascending
 * @param depth the mean over the positions that have one
 * @param answerCommitted the step after which all of the answer was filled
 */
public record LensStatistics(
    List<Block> blocks,
    List<Position> positions,
    OptionalDouble depth,
    OptionalInt answerCommitted) {

  /**
   * A block's read-outs over the text.
   *
   * @param led the share of the positions whose final token was the highest at some step
   * @param firstLead the mean of the first steps at which it was
   * @param lead the mean of the steps from then until the token was written
   * @param agrees the share of read-outs whose highest token is that of the last block
   * @param probability the mean probability of the final tokens
   * @param entropy the mean entropy, in nats
   * @param answerFirst the first step whose estimate has the answer's final tokens
   * @param answerLead the steps from then until the answer was committed
   */
  public record Block(
      double led,
      OptionalDouble firstLead,
      OptionalDouble lead,
      OptionalDouble agrees,
      OptionalDouble probability,
      OptionalDouble entropy,
      OptionalInt answerFirst,
      OptionalInt answerLead) {}

  /**
   * A position of the text.
   *
   * @param position in the canvas
   * @param commitStep the step that wrote its final token
   * @param firstLead of each block, the first step at which the token was the highest; -1 if none
   * @param depth the first block from which on every read-out of the step that wrote the token had
   *     it highest, if the last one had
   */
  public record Position(int position, int commitStep, int[] firstLead, OptionalInt depth) {}

  /** Positions of the text, before its first end, that were masked at first and are filled. */
  public static int[] written(Trace trace) {
    CanvasImage start = trace.header().start();
    CanvasImage last = trace.last();
    int end = last.promptLength();
    while (end < last.length()
        && !(last.state(end) == CellState.COMMITTED
            && trace.header().specials().isStop(last.id(end)))) {
      end++;
    }
    return IntStream.range(last.promptLength(), end)
        .filter(at -> start.state(at).isOpen() && last.state(at) == CellState.COMMITTED)
        .toArray();
  }

  /**
   * The statistics of a trace.
   *
   * @param steps what a lens saw of its steps, in their order
   * @param blockCount of the model
   * @param rule finds the answer
   */
  public static LensStatistics of(
      Trace trace, List<LensStep> steps, int blockCount, SpanRule rule) {
    int[] commits = CommitSteps.of(trace);
    int prompt = trace.last().promptLength();
    List<Position> positions = new ArrayList<>();
    for (int position : written(trace)) {
      int commit = commits[position - prompt];
      if (commit >= 0 && commit < trace.steps()) {
        positions.add(position(trace, steps, blockCount, position, commit));
      }
    }
    Optional<Spans> answer =
        rule.find(Spans.known(trace.last()), prompt, trace.header().specials(), trace::piece);
    OptionalInt committed =
        answer.isPresent() ? committed(trace, answer.get()) : OptionalInt.empty();
    List<Block> blocks = new ArrayList<>();
    for (int block = 0; block < blockCount; block++) {
      blocks.add(block(trace, steps, block, positions, answer, committed));
    }
    return new LensStatistics(
        blocks,
        positions,
        mean(
            positions.stream()
                .filter(each -> each.depth().isPresent())
                .mapToDouble(each -> each.depth().getAsInt())
                .toArray()),
        committed);
  }

  private static Position position(
      Trace trace, List<LensStep> steps, int blockCount, int position, int commit) {
    int token = trace.last().id(position);
    int[] first = new int[blockCount];
    Arrays.fill(first, -1);
    OptionalInt depth = OptionalInt.empty();
    for (LensStep step : steps) {
      int at = Arrays.binarySearch(step.positions(), position);
      if (at >= 0) {
        for (int block = 0; block < blockCount; block++) {
          if (first[block] < 0 && argmax(step, block, at) == token) {
            first[block] = step.step();
          }
        }
        if (step.step() == commit) {
          int from = blockCount;
          while (from > 0 && argmax(step, from - 1, at) == token) {
            from--;
          }
          depth = from < blockCount ? OptionalInt.of(from) : OptionalInt.empty();
        }
      }
    }
    return new Position(position, commit, first, depth);
  }

  private static int argmax(LensStep step, int block, int at) {
    return step.blocks().get(block).get(at).argmax();
  }

  /** The step after which the answer's positions were all filled, if one filled them. */
  private static OptionalInt committed(Trace trace, Spans answer) {
    return IntStream.range(0, trace.steps())
        .filter(
            step ->
                Arrays.stream(answer.answerPositions())
                    .noneMatch(at -> trace.canvasBefore(step + 1).state(at).isOpen()))
        .findFirst();
  }

  private static Block block(
      Trace trace,
      List<LensStep> steps,
      int block,
      List<Position> positions,
      Optional<Spans> answer,
      OptionalInt committed) {
    List<Position> led = positions.stream().filter(each -> each.firstLead()[block] >= 0).toList();
    List<Double> agrees = new ArrayList<>();
    List<Double> probabilities = new ArrayList<>();
    List<Double> entropies = new ArrayList<>();
    for (LensStep step : steps) {
      for (int at = 0; at < step.positions().length; at++) {
        Prediction read = step.blocks().get(block).get(at);
        agrees.add(read.argmax() == step.blocks().getLast().get(at).argmax() ? 1.0 : 0.0);
        probabilities.add(StrictMath.exp(read.targetLogProbability().orElseThrow()));
        entropies.add(read.entropy());
      }
    }
    OptionalInt answerFirst =
        answer.isEmpty()
            ? OptionalInt.empty()
            : steps.stream()
                .filter(step -> has(trace, step, block, answer.get().answerPositions()))
                .mapToInt(LensStep::step)
                .findFirst();
    return new Block(
        positions.isEmpty() ? 0 : (double) led.size() / positions.size(),
        mean(led.stream().mapToDouble(each -> each.firstLead()[block]).toArray()),
        mean(
            led.stream()
                .mapToDouble(each -> each.commitStep() - each.firstLead()[block])
                .toArray()),
        mean(agrees),
        mean(probabilities),
        mean(entropies),
        answerFirst,
        answerFirst.isPresent() && committed.isPresent()
            ? OptionalInt.of(committed.getAsInt() - answerFirst.getAsInt())
            : OptionalInt.empty());
  }

  /** Whether what a step saw, its masks filled with the highest tokens, has the final tokens. */
  private static boolean has(Trace trace, LensStep step, int block, int[] positions) {
    CanvasImage before = trace.canvasBefore(step.step());
    for (int position : positions) {
      int token = trace.last().id(position);
      int at = Arrays.binarySearch(step.positions(), position);
      boolean hit =
          before.state(position).isOpen()
              ? at >= 0 && argmax(step, block, at) == token
              : before.id(position) == token;
      if (!hit) {
        return false;
      }
    }
    return true;
  }

  private static OptionalDouble mean(List<Double> values) {
    return mean(values.stream().mapToDouble(Double::doubleValue).toArray());
  }

  private static OptionalDouble mean(double[] values) {
    return Arrays.stream(values).average();
  }
}
