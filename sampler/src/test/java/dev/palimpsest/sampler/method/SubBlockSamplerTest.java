package dev.palimpsest.sampler.method;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.palimpsest.sampler.AnyCase;
import dev.palimpsest.sampler.HashModel;
import dev.palimpsest.sampler.canvas.SnapshotListener;
import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.sampler.run.Driver;
import dev.palimpsest.sampler.run.Generation;
import dev.palimpsest.sampler.run.SamplerRun;
import dev.palimpsest.step.Denoiser;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import dev.palimpsest.step.SamplingFilter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Fast-dLLM v2's sampler against its pseudo-code, and what it asks of the engine. */
class SubBlockSamplerTest {
  private static final int MASK = 0;
  private static final int EOS = 1;
  private static final SpecialTokens SPECIALS = new SpecialTokens(MASK, EOS, OptionalInt.empty());

  private static LongStream seeds() {
    return LongStream.range(0, 400);
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void everyStateIsThatOfThePseudoCode(long seed) {
    AnyCase request = AnyCase.of(seed, SubBlockSampler.NAME);
    List<int[]> expected = reference(request);
    List<int[]> states = new ArrayList<>();
    SamplerRun run = request.run();
    states.add(run.canvas().ids());
    Denoiser shifted = shifted(request.model());
    while (!run.finished()) {
      run.step(shifted.predict(List.of(run.ask())).get(0), 0);
      states.add(run.canvas().ids());
    }
    assertThat(states).as("seed %d", seed).hasSameSizeAs(expected);
    for (int step = 0; step < states.size(); step++) {
      assertThat(states.get(step)).as("seed %d, %d", seed, step).isEqualTo(expected.get(step));
    }
  }

  /** The published loop over full logits, row p of which is the model's output at p - 1. */
  private static List<int[]> reference(AnyCase request) {
    SubBlockOptions options = (SubBlockOptions) request.options();
    int length = options.blockLength();
    int promptLength = request.prompt().length;
    int blocks = (promptLength + options.genLength() + length - 1) / length;
    int[] x = Arrays.copyOf(request.prompt(), blocks * length);
    Arrays.fill(x, promptLength, x.length, MASK);
    List<int[]> states = new ArrayList<>(List.of(x.clone()));
    int forward = 0;
    for (int from = promptLength / length * length; from < x.length; from += length) {
      if (from > 0 && x[from] == MASK) {
        float[][] outputs = request.model().logits(Arrays.copyOf(x, from));
        x[from] = argmax(outputs[from - 1]);
        forward++;
        states.add(x.clone());
        if (ended(x, request)) {
          return states;
        }
      }
      for (int sub = from; sub < from + length; sub += options.subBlockLength()) {
        int end = sub + options.subBlockLength();
        while (Arrays.stream(x, sub, end).anyMatch(id -> id == MASK)) {
          float[][] outputs = request.model().logits(Arrays.copyOf(x, from + length));
          ReferenceDraw[] drawn = new ReferenceDraw[end];
          int best = -1;
          for (int p = sub; p < end; p++) {
            TokenDraw draw = options.draw().temperature() == 0 ? TokenDraw.GREEDY : options.draw();
            float[] row = outputs[Math.max(0, p - 1)];
            drawn[p] = new ReferenceDraw(row, draw, MASK, options.seed(), forward, p);
            if (x[p] == MASK && (best < 0 || drawn[p].confidence() > drawn[best].confidence())) {
              best = p;
            }
          }
          forward++;
          for (int p = sub; p < end; p++) {
            if (x[p] == MASK && (p == best || drawn[p].confidence() > options.threshold())) {
              x[p] = drawn[p].token;
            }
          }
          states.add(x.clone());
          if (ended(x, request)) {
            return states;
          }
        }
      }
    }
    return states;
  }

  private static int argmax(float[] row) {
    int best = -1;
    for (int id = 0; id < row.length; id++) {
      if (id != MASK && (best < 0 || row[id] > row[best])) {
        best = id;
      }
    }
    return best;
  }

  private static boolean ended(int[] x, AnyCase request) {
    for (int p = request.prompt().length; p < x.length && x[p] != MASK; p++) {
      if (request.specials().isStop(x[p])) {
        return true;
      }
    }
    return false;
  }

  /** As the engine reads a shifted model: the prediction of a row is the output before it. */
  private static Denoiser shifted(HashModel model) {
    return queries ->
        queries.stream().map(query -> predictions(model.logits(query.tokens()), query)).toList();
  }

  private static List<Prediction> predictions(float[][] outputs, Query query) {
    List<Prediction> predictions = new ArrayList<>();
    for (int row : query.rows()) {
      float[] output = outputs[Math.max(0, row - 1)];
      double[] logits = new double[output.length];
      Arrays.setAll(logits, id -> output[id]);
      predictions.add(HashModel.reduce(logits, row, query.draw()));
    }
    return predictions;
  }

  @Test
  void aBlockBeginsWithOneGreedyRowAndGoesOnSubBlockBySubBlock() {
    List<Query> asked = new ArrayList<>();
    Map<String, Object> values =
        Map.of(
            "gen_length",
            8,
            "block_length",
            8,
            "sub_block_length",
            4,
            "temperature",
            0.7,
            "threshold",
            0.5);
    generate(values, new int[] {3, 3, 3, 3, 3, 3, 3, 3}, 5, asked);
    assertThat(asked.stream().map(Query::rows))
        .containsExactly(new int[] {8}, new int[] {9, 10, 11}, new int[] {12, 13, 14, 15});
    assertThat(asked)
        .allMatch(query -> query.cacheablePrefix() == 8 && query.tokens().length == 16);
    assertThat(asked.getFirst().draw().temperature()).isZero();
    assertThat(asked.getLast().draw().temperature()).isEqualTo(0.7);
    assertThat(asked.getLast().draw().filter())
        .contains(new SamplingFilter(Integer.MAX_VALUE, 0.95));
  }

  @Test
  void aPromptsTailSharesItsBlock() {
    List<Query> asked = new ArrayList<>();
    Map<String, Object> values =
        Map.of("gen_length", 5, "block_length", 8, "sub_block_length", 4, "threshold", 0.5);
    Generation written = generate(values, new int[] {3, 3, 3}, 5, asked);
    assertThat(asked.stream().map(Query::rows))
        .containsExactly(new int[] {3}, new int[] {4, 5, 6, 7});
    assertThat(written.generated()).containsExactly(5, 5, 5, 5, 5);
  }

  @Test
  void aTextWithoutAPromptBeginsWithASubBlock() {
    List<Query> asked = new ArrayList<>();
    Map<String, Object> values =
        Map.of("gen_length", 8, "block_length", 4, "sub_block_length", 2, "threshold", 0.5);
    generate(values, new int[0], 5, asked);
    assertThat(asked.stream().map(Query::rows))
        .containsExactly(
            new int[] {0, 1}, new int[] {2, 3}, new int[] {4}, new int[] {5}, new int[] {6, 7});
  }

  @Test
  void aTextEndsWithItsStopIdInTheMiddleOfABlock() {
    List<Query> asked = new ArrayList<>();
    Map<String, Object> values = Map.of("gen_length", 32, "block_length", 16);
    Generation written = generate(values, new int[] {3, 4}, EOS, asked);
    assertThat(asked).hasSize(1);
    assertThat(written.complete()).isTrue();
    assertThat(written.stopped()).isTrue();
    assertThat(written.tokens()).isEmpty();
  }

  @ParameterizedTest(name = "{0} {1}")
  @CsvSource({
    "sub_block_length, 5, is no divisor of block_length 32",
    "sub_block_length, 0, 1 or above",
    "threshold, -1, 0 or above",
    "steps, 4, no option of the sampler sub_block",
  })
  void aWrongOptionIsRefused(String name, int value, String complaint) {
    assertThatThrownBy(() -> SamplingOptions.of(SubBlockSampler.NAME, Map.of(name, value)))
        .isInstanceOf(InvalidOptionException.class)
        .hasMessageStartingWith(name + " " + value)
        .hasMessageContaining(complaint);
  }

  /** Writes with a model that is sure of one id everywhere. */
  private static Generation generate(
      Map<String, ?> values, int[] prompt, int id, List<Query> asked) {
    SamplingOptions options = SamplingOptions.of(SubBlockSampler.NAME, values);
    double[] logits = new double[10];
    logits[id] = 30;
    Denoiser sure =
        queries -> {
          asked.addAll(queries);
          return queries.stream()
              .map(
                  query ->
                      Arrays.stream(query.rows())
                          .mapToObj(row -> HashModel.reduce(logits, row, query.draw()))
                          .toList())
              .toList();
        };
    Driver driver = new Driver(sure);
    SamplerRun run =
        new SamplerRun(options.sampler(SPECIALS), prompt, options.positions(prompt.length));
    Driver.Ticket ticket = driver.submit(run, SnapshotListener.NONE);
    driver.run(() -> false);
    return ticket.generation();
  }
}
