package dev.palimpsest.lab.lens;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.palimpsest.lab.answer.SpanRule;
import dev.palimpsest.lab.answer.Spans;
import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.CellState;
import dev.palimpsest.sampler.statistics.CommitSteps;
import dev.palimpsest.sampler.trace.Trace;
import dev.palimpsest.step.Prediction;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** On the trace of {@code docs/measures.md}, of which every number was found on paper. */
final class LensStatisticsTest {
  private static final Trace TRACE = Trace.readWhole(Path.of("..", "docs", "measures.trace.jsonl"));
  private static final SpanRule RULE = new SpanRule.Matching(Spans.ANSWER);
  private static final int PROMPT = 3;

  private static Prediction prediction(int argmax, double ofTarget, double entropy) {
    return new Prediction(argmax, 0.5, argmax, 0.5, 0.25, 0, entropy)
        .scored(StrictMath.log(ofTarget));
  }

  private static int[] masked(int step) {
    CanvasImage before = TRACE.canvasBefore(step);
    return IntStream.range(PROMPT, PROMPT + 8)
        .filter(at -> before.state(at) == CellState.MASKED)
        .toArray();
  }

  /** What the trace recorded of each step, as the only block, or behind one that has the finals. */
  private static List<LensStep> recorded(boolean behindOne) {
    List<LensStep> steps = new ArrayList<>();
    for (int step = 0; step < TRACE.steps(); step++) {
      int[] positions = masked(step);
      if (TRACE.step(step).asked().isPresent() && positions.length > 0) {
        List<Prediction> finals = new ArrayList<>();
        List<Prediction> last = new ArrayList<>();
        for (int at : positions) {
          finals.add(prediction(TRACE.last().id(at), 0.25, 1));
          last.add(prediction(TRACE.step(step).asked().get().at(at).orElseThrow().token(), 0.5, 2));
        }
        steps.add(new LensStep(step, positions, behindOne ? List.of(finals, last) : List.of(last)));
      }
    }
    return steps;
  }

  @Test
  void theWorkedExampleHasTheValuesOfThePage() {
    LensStatistics found = LensStatistics.of(TRACE, recorded(false), 1, RULE);
    assertThat(found.answerCommitted()).hasValue(2);
    assertThat(found.depth()).hasValue(0);
    LensStatistics.Block block = found.blocks().getFirst();
    assertThat(block.led()).isEqualTo(1);
    assertThat(block.firstLead()).hasValue(5 / 8.0);
    assertThat(block.lead()).hasValue(27 / 8.0);
    assertThat(block.agrees()).hasValue(1);
    assertThat(block.probability().orElseThrow()).isCloseTo(0.5, within(1e-12));
    assertThat(block.entropy()).hasValue(2);
    assertThat(block.answerFirst()).hasValue(1);
    assertThat(block.answerLead()).hasValue(1);
    assertThat(found.positions())
        .extracting(LensStatistics.Position::commitStep)
        .containsExactly(1, 4, 4, 5, 6, 7, 0, 5);
  }

  @Test
  void aBlockThatHasTheTextFromTheFirstStepLeadsByEveryCommit() {
    LensStatistics found = LensStatistics.of(TRACE, recorded(true), 2, RULE);
    LensStatistics.Block first = found.blocks().getFirst();
    assertThat(first.firstLead()).hasValue(0);
    assertThat(first.lead()).hasValue((1 + 4 + 4 + 5 + 6 + 7 + 5) / 8.0);
    assertThat(first.answerFirst()).hasValue(0);
    assertThat(first.answerLead()).hasValue(2);
    assertThat(found.depth()).hasValue(0);
    assertThat(found.positions().get(7).depth()).isEmpty();
    assertThat(found.blocks().getLast())
        .isEqualTo(LensStatistics.of(TRACE, recorded(false), 1, RULE).blocks().getFirst());
  }

  /** The definitions of the page once more, cell by cell. */
  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {0, 1, 2, 3, 4, 5, 6, 7})
  void randomReadingsGiveWhatTheDefinitionsSay(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int blocks = random.nextInt(1, 5);
    Integer[][][] argmax = new Integer[blocks][8][8];
    double[][][] probability = new double[blocks][8][8];
    List<LensStep> steps = new ArrayList<>();
    for (int step = 0; step < 8; step++) {
      int[] positions = masked(step);
      if (positions.length == 0 || random.nextInt(5) == 0) {
        continue;
      }
      List<List<Prediction>> read = new ArrayList<>();
      for (int block = 0; block < blocks; block++) {
        List<Prediction> row = new ArrayList<>();
        for (int at : positions) {
          int token = random.nextInt(2) == 0 ? TRACE.last().id(at) : 90 + random.nextInt(3);
          argmax[block][step][at - PROMPT] = token;
          probability[block][step][at - PROMPT] = random.nextDouble(0.01, 1);
          row.add(prediction(token, probability[block][step][at - PROMPT], block));
        }
        read.add(row);
      }
      steps.add(new LensStep(step, positions, read));
    }
    LensStatistics found = LensStatistics.of(TRACE, steps, blocks, RULE);
    int[] commits = CommitSteps.of(TRACE);
    for (int block = 0; block < blocks; block++) {
      double led = 0;
      double firsts = 0;
      double leads = 0;
      double cells = 0;
      double same = 0;
      double mass = 0;
      for (int i = 0; i < 8; i++) {
        int first = Integer.MAX_VALUE;
        for (int step = 7; step >= 0; step--) {
          Integer token = argmax[block][step][i];
          if (token != null) {
            cells++;
            same += token.equals(argmax[blocks - 1][step][i]) ? 1 : 0;
            mass += probability[block][step][i];
            first = token == TRACE.last().id(PROMPT + i) ? step : first;
          }
        }
        if (first < Integer.MAX_VALUE) {
          led++;
          firsts += first;
          leads += commits[i] - first;
        }
      }
      LensStatistics.Block got = found.blocks().get(block);
      assertThat(got.led()).isCloseTo(led / 8, within(1e-12));
      assertMean(got.firstLead(), firsts, led);
      assertMean(got.lead(), leads, led);
      assertMean(got.agrees(), same, cells);
      assertMean(got.probability(), mass, cells);
      assertMean(got.entropy(), block * cells, cells);
      OptionalInt answer = OptionalInt.empty();
      for (int step = 7; step >= 0; step--) {
        int there = argmax[0][step][7] == null ? 0 : argmax[block][step][7];
        boolean read = steps.stream().map(LensStep::step).toList().contains(step);
        int saw = TRACE.canvasBefore(step).id(PROMPT + 7);
        boolean masked = TRACE.canvasBefore(step).state(PROMPT + 7) == CellState.MASKED;
        if (read && (masked ? there : saw) == TRACE.last().id(PROMPT + 7)) {
          answer = OptionalInt.of(step);
        }
      }
      assertThat(got.answerFirst()).isEqualTo(answer);
    }
    double depths = 0;
    double deep = 0;
    for (int i = 0; i < 8; i++) {
      int from = blocks;
      for (int block = blocks - 1; block >= 0 && from == block + 1; block--) {
        Integer token = argmax[block][commits[i]][i];
        from = token != null && token == TRACE.last().id(PROMPT + i) ? block : from;
      }
      deep += from < blocks ? 1 : 0;
      depths += from < blocks ? from : 0;
    }
    assertMean(found.depth(), depths, deep);
  }

  private static void assertMean(OptionalDouble found, double sum, double count) {
    if (count == 0) {
      assertThat(found).isEmpty();
    } else {
      assertThat(found.orElseThrow()).isCloseTo(sum / count, within(1e-9));
    }
  }
}
