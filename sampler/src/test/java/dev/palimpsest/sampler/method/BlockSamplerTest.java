package dev.palimpsest.sampler.method;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.palimpsest.sampler.AnyCase;
import dev.palimpsest.sampler.HashModel;
import dev.palimpsest.sampler.canvas.CellState;
import dev.palimpsest.sampler.canvas.Commit;
import dev.palimpsest.sampler.canvas.Snapshot;
import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.sampler.run.SamplerRun;
import dev.palimpsest.step.AttentionPattern;
import dev.palimpsest.step.Denoiser;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.IntFunction;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Block diffusion against its pseudo-code, and the references' bugs that are not repeated. */
class BlockSamplerTest {
  private static final int MASK = 0;
  private static final int EOS = 1;
  private static final SpecialTokens SPECIALS = new SpecialTokens(MASK, EOS, OptionalInt.empty());

  private static LongStream seeds() {
    return LongStream.range(0, 400);
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void everyStateIsThatOfThePseudoCode(long seed) {
    AnyCase request = AnyCase.of(seed, BlockSampler.NAME);
    List<int[]> expected = reference(request);
    List<int[]> states = request.states();
    assertThat(states).as("seed %d", seed).hasSameSizeAs(expected);
    for (int step = 0; step < states.size(); step++) {
      assertThat(states.get(step)).as("seed %d, %d", seed, step).isEqualTo(expected.get(step));
    }
  }

  /** SDAR's loop with LLaDA2.1's editing, over full logits; {@code x == mask} is the state. */
  private static List<int[]> reference(AnyCase request) {
    BlockOptions options = (BlockOptions) request.options();
    int length = options.blockLength();
    int promptLength = request.prompt().length;
    int origin = options.afterPrompt() ? promptLength % length : 0;
    int blocks = (promptLength - origin + options.genLength() + length - 1) / length;
    int[] x = Arrays.copyOf(request.prompt(), origin + blocks * length);
    Arrays.fill(x, promptLength, x.length, MASK);
    List<int[]> states = new ArrayList<>(List.of(x.clone()));
    int forward = 0;
    for (int block = promptLength / length; block < blocks; block++) {
      int from = origin + block * length;
      int to = from + length;
      int post = 0;
      for (int s = 0; ; s++) {
        int[] seen = options.wholeCanvas() ? x.clone() : Arrays.copyOf(x, to);
        int[] masked = IntStream.range(from, to).filter(p -> seen[p] == MASK).toArray();
        if (masked.length == 0) {
          post++;
          if (options.editingThreshold().isEmpty() || post > options.maxPostSteps()) {
            break;
          }
        }
        float[][] logits = request.model().logits(seen);
        List<ReferenceDraw> drawn = new ArrayList<>();
        for (int p = 0; p < to; p++) {
          drawn.add(new ReferenceDraw(logits[p], options.draw(), MASK, options.seed(), forward, p));
        }
        forward++;
        int ntt =
            s < options.steps()
                ? length / options.steps() + (s < length % options.steps() ? 1 : 0)
                : length;
        for (int p : selected(options, masked, drawn, Math.min(ntt, masked.length))) {
          x[p] = drawn.get(p).token;
        }
        boolean edited = false;
        for (int p = Math.max(from, promptLength); p < to; p++) {
          if (options.editingThreshold().isPresent()
              && seen[p] != MASK
              && drawn.get(p).confidence() > options.editingThreshold().getAsDouble()
              && drawn.get(p).token != seen[p]) {
            x[p] = drawn.get(p).token;
            edited = true;
          }
        }
        states.add(x.clone());
        if (masked.length == 0 && !edited) {
          break;
        }
        if (options.eosEarlyStop() && endsEarly(x, request)) {
          return states;
        }
      }
      for (int p = promptLength; p < to; p++) {
        if (request.specials().isStop(x[p])) {
          return states;
        }
      }
    }
    return states;
  }

  private static boolean endsEarly(int[] x, AnyCase request) {
    for (int p = request.prompt().length; p < x.length && x[p] != MASK; p++) {
      if (request.specials().isStop(x[p])) {
        return true;
      }
    }
    return false;
  }

  private static List<Integer> selected(
      BlockOptions options, int[] masked, List<ReferenceDraw> drawn, int count) {
    List<Integer> positions = new ArrayList<>(Arrays.stream(masked).boxed().toList());
    IntToDoubleFunction confidence = p -> drawn.get(p).confidence();
    return switch (options.remasking()) {
      case SEQUENTIAL -> positions.subList(0, count);
      case LOW_CONFIDENCE_STATIC -> surest(positions, confidence).subList(0, count);
      case LOW_CONFIDENCE_DYNAMIC -> {
        if (options.lowThreshold().isPresent()) {
          yield hierarchical(options, positions, confidence);
        }
        List<Integer> high =
            positions.stream()
                .filter(p -> confidence.applyAsDouble(p) > options.threshold())
                .toList();
        yield high.size() >= count ? high : surest(positions, confidence).subList(0, count);
      }
      case ENTROPY_BOUNDED -> {
        List<Integer> sorted = surest(positions, p -> -drawn.get(p).entropy());
        double cumulative = 0;
        int k = 0;
        for (int p : sorted) {
          cumulative += drawn.get(p).entropy();
          k += cumulative < options.entropyBound() ? 1 : 0;
        }
        yield sorted.subList(0, Math.clamp(k, Math.min(1, masked.length), masked.length));
      }
      default -> throw new AssertionError(options.remasking());
    };
  }

  /** What is above the threshold, what none of its run is better than, and the best of all. */
  private static List<Integer> hierarchical(
      BlockOptions options, List<Integer> positions, IntToDoubleFunction confidence) {
    List<Integer> taken = new ArrayList<>();
    for (int p : positions) {
      boolean best = true;
      for (int step : new int[] {-1, 1}) {
        for (int q = p + step; positions.contains(q); q += step) {
          double other = confidence.applyAsDouble(q);
          double own = confidence.applyAsDouble(p);
          best &= own > other || (own == other && p < q);
        }
      }
      if (confidence.applyAsDouble(p) > options.threshold()
          || (best && confidence.applyAsDouble(p) > options.lowThreshold().orElseThrow())
          || p == surest(positions, confidence).getFirst()) {
        taken.add(p);
      }
    }
    return taken;
  }

  /** By descending score, ties by position. */
  private static List<Integer> surest(List<Integer> positions, IntToDoubleFunction score) {
    List<Integer> sorted = new ArrayList<>(positions);
    sorted.sort(Comparator.comparingDouble(p -> -score.applyAsDouble(p)));
    return sorted;
  }

  @Test
  void thePromptsTailSharesTheFirstBlockAndTheLastBlockIsWhole() {
    BlockOptions options =
        options(Map.of("gen_length", 5, "block_length", 4, "remasking", "sequential"));
    assertThat(options.positions(6)).isEqualTo(6);
    assertThat(options.positions(8)).isEqualTo(8);
    assertThat(options.positions(0)).isEqualTo(8);
    int[] prompt = {5, 6, 7, 8, 9, 5};
    List<Query> asked = new ArrayList<>();
    List<Snapshot> snapshots = snapshots(options, prompt, constant(4, asked));
    assertThat(asked.stream().map(query -> query.tokens().length))
        .containsExactly(8, 8, 12, 12, 12, 12);
    assertThat(asked.stream().map(Query::cacheablePrefix)).containsExactly(4, 4, 8, 8, 8, 8);
    assertThat(snapshots.stream().map(Snapshot::block)).containsExactly(0, 0, 1, 1, 1, 1);
    assertThat(snapshots.stream().flatMap(s -> s.commits().stream()).map(Commit::position))
        .containsExactly(6, 7, 8, 9, 10, 11);
  }

  @Test
  void fewerMasksThanTheShareOverwriteNothing() {
    // The share of a block of 8 over 2 steps is 4; three of its positions are masked.
    BlockOptions options =
        options(
            Map.of(
                "gen_length",
                3,
                "block_length",
                8,
                "steps",
                2,
                "remasking",
                "low_confidence_static"));
    int[] prompt = {5, 6, 7, 8, 9};
    List<Snapshot> snapshots = snapshots(options, prompt, constant(4, new ArrayList<>()));
    assertThat(snapshots).hasSize(1);
    assertThat(snapshots.getFirst().canvas().ids()).containsExactly(5, 6, 7, 8, 9, 4, 4, 4);
  }

  @Test
  void aMaskThatTheModelPrefersIsNotWritten() {
    double[] logits = {9, 0, 0, 1, 2};
    Denoiser model = of(_ -> logits, new ArrayList<>());
    for (double temperature : new double[] {0, 0.7}) {
      BlockOptions options =
          options(
              Map.of("gen_length", 8, "block_length", 4, "temperature", temperature, "seed", 2));
      List<Snapshot> snapshots = snapshots(options, new int[] {3}, model);
      assertThat(snapshots.getLast().canvas().ids()).doesNotContain(MASK);
      assertThat(snapshots.getLast().openLeft()).isZero();
    }
  }

  @Test
  void atTemperatureZeroTheArgmaxIsWritten() {
    HashModel model = new HashModel(12, 5, 4, 0, -1, new AttentionPattern.BlockCausal(4));
    BlockOptions one = options(Map.of("gen_length", 16, "temperature", 0, "seed", 1));
    BlockOptions two = options(Map.of("gen_length", 16, "temperature", 0, "seed", 2));
    List<Snapshot> first = snapshots(one, new int[] {3}, model);
    assertThat(first).isEqualTo(snapshots(two, new int[] {3}, model));
    for (Snapshot snapshot : first) {
      assertThat(snapshot.predictions()).allMatch(p -> p.token() == p.argmax() || p.argmax() == 0);
    }
  }

  @Test
  void theTextEndsWithTheBlockOfItsStopId() {
    // Position 5 is a stop id; the block of 4 to 7 is filled, the next never begun.
    Denoiser model = of(p -> p == 5 ? peak(EOS) : peak(4), new ArrayList<>());
    BlockOptions options =
        options(Map.of("gen_length", 16, "block_length", 4, "remasking", "sequential"));
    List<Snapshot> snapshots = snapshots(options, new int[] {3}, model);
    assertThat(snapshots.getLast().canvas().toString()).startsWith("3 | 4 4 4 4 1 4 4 _ _");
    assertThat(snapshots.getLast().canvas().state(7)).isEqualTo(CellState.COMMITTED);
    assertThat(snapshots.getLast().canvas().state(8)).isEqualTo(CellState.MASKED);
    BlockOptions early =
        options(
            Map.of(
                "gen_length",
                16,
                "block_length",
                4,
                "remasking",
                "sequential",
                "eos_early_stop",
                true));
    Snapshot last = snapshots(early, new int[] {3}, model).getLast();
    assertThat(last.canvas().state(5)).isEqualTo(CellState.COMMITTED);
    assertThat(last.canvas().state(6)).isEqualTo(CellState.MASKED);
  }

  @Test
  void anEditReplacesACommittedTokenAndIsReported() {
    // The model wants 4 wherever it sees no 4, and then 5 at the first position.
    Denoiser model =
        queries ->
            queries.stream()
                .map(
                    query ->
                        Arrays.stream(query.rows())
                            .mapToObj(
                                row ->
                                    HashModel.reduce(
                                        row == 0 && query.tokens()[1] == 4 ? peak(5) : peak(4),
                                        row,
                                        query.draw()))
                            .toList())
                .toList();
    Map<String, Object> values = new HashMap<>();
    values.put("gen_length", 2);
    values.put("block_length", 2);
    values.put("remasking", "sequential");
    BlockOptions plain = options(values);
    assertThat(snapshots(plain, new int[0], model).getLast().canvas()).hasToString("4 4");
    values.put("editing_threshold", 0.9);
    List<Snapshot> snapshots = snapshots(options(values), new int[0], model);
    assertThat(snapshots.stream().map(s -> s.commits().size())).containsExactly(1, 1, 0, 0);
    assertThat(snapshots.stream().map(s -> s.edits().size())).containsExactly(0, 0, 1, 0);
    assertThat(snapshots.get(2).edits().getFirst().token()).isEqualTo(5);
    assertThat(snapshots.getLast().canvas()).hasToString("5 4");
    // An edit that is not sure enough is not made.
    values.put("editing_threshold", 1.0);
    assertThat(snapshots(options(values), new int[0], model).getLast().canvas()).hasToString("4 4");
  }

  @Test
  void editingEndsAfterItsPostSteps() {
    // Every forward wants another token than the one that stands there.
    Denoiser model =
        queries ->
            queries.stream()
                .map(
                    query ->
                        Arrays.stream(query.rows())
                            .mapToObj(
                                row ->
                                    HashModel.reduce(
                                        peak(query.tokens()[row] == 4 ? 5 : 4), row, query.draw()))
                            .toList())
                .toList();
    BlockOptions options =
        options(
            Map.of(
                "gen_length", 1, "block_length", 1, "editing_threshold", 0.5, "max_post_steps", 3));
    List<Snapshot> snapshots = snapshots(options, new int[0], model);
    assertThat(snapshots.stream().map(s -> s.edits().size())).containsExactly(0, 1, 1, 1);
    assertThat(snapshots.stream().map(s -> s.at().stepsFull())).containsExactly(0, 0, 1, 2);
  }

  @Test
  void aWholeCanvasShowsTheModelTheMasksOfLaterBlocks() {
    List<Query> asked = new ArrayList<>();
    BlockOptions options =
        options(Map.of("gen_length", 8, "block_length", 4, "whole_canvas", true));
    snapshots(options, new int[0], constant(4, asked));
    assertThat(asked).allMatch(query -> query.tokens().length == 8);
  }

  @Test
  void onlyTheModelsAttentionDecidesWhichSamplerFits() {
    ModelLimits blocks = new ModelLimits(9, 64, new AttentionPattern.BlockCausal(8));
    ModelLimits causal = new ModelLimits(9, 64, new AttentionPattern.Causal());
    Map<ModelLimits, Set<String>> fitting =
        Map.of(
            new ModelLimits(9, 64, new AttentionPattern.Full()),
            Set.of("llada", "dream", "remdm", "p2", "block"),
            blocks,
            Set.of("block"),
            new ModelLimits(9, 64, new AttentionPattern.BlockCausal(8), true),
            Set.of("block", "sub_block"),
            causal,
            Set.of("decode", "isd"),
            new ModelLimits(9, 64, new AttentionPattern.CausalContext(8)),
            Set.of("seeded_block", "linear_spec", "decode"),
            new ModelLimits(9, 64, new AttentionPattern.KnownFirst(0)),
            Set.of("wedlm"));
    int[] prompt = {3};
    for (String sampler : SamplingOptions.SAMPLERS) {
      if (sampler.equals(EntropyBoundSampler.NAME)) {
        continue; // the model's canvases decide, and its own test has it
      }
      Map<String, Object> values = new HashMap<>(Map.of("gen_length", 8));
      if (SamplingOptions.names(sampler).contains("block_length")) {
        values.put("block_length", 8);
      }
      if (sampler.equals(LladaSampler.NAME)) {
        values.put("steps", 8);
      }
      SamplingOptions options = SamplingOptions.of(sampler, values);
      fitting.forEach(
          (limits, names) -> assertFits(limits, prompt, options, names.contains(sampler)));
    }
    ModelLimits fromPrompt = new ModelLimits(9, 64, new AttentionPattern.BlocksFromEnd(8));
    assertFits(
        fromPrompt,
        prompt,
        options(Map.of("gen_length", 8, "block_length", 8, "after_prompt", true)),
        true);
    assertThatThrownBy(() -> fromPrompt.require(prompt, options(Map.of("block_length", 8))))
        .hasMessage(
            "after_prompt false does not fit the model, whose blocks are counted from the end of the"
                + " prompt: use true");
    assertThatThrownBy(
            () ->
                fromPrompt.require(
                    prompt,
                    options(Map.of("block_length", 8, "after_prompt", true, "gen_length", 60))))
        .hasMessageEndingWith("use up to 56");
    assertThatThrownBy(() -> causal.require(prompt, LladaOptions.DEFAULTS))
        .hasMessage(
            "sampler llada fills masks, and the model writes from left to right: use decode");
    assertThatThrownBy(() -> blocks.require(prompt, options(Map.of("block_length", 4))))
        .hasMessage(
            "block_length 4 does not fit the model, whose attention is in blocks of 8: use 8");
    assertThatThrownBy(
            () -> blocks.require(prompt, options(Map.of("block_length", 8, "gen_length", 70))))
        .hasMessageEndingWith("use up to 63");
  }

  @Test
  void aLowThresholdGoesWithTheThresholdAboveIt() {
    assertThat(options(Map.of("low_threshold", 0.6)).toMap()).containsEntry("low_threshold", 0.6);
    assertThatThrownBy(() -> options(Map.of("low_threshold", 0.85)))
        .hasMessage("low_threshold 0.85 is not below threshold 0.85: use less");
    assertThatThrownBy(
            () -> options(Map.of("low_threshold", 0.4, "remasking", "low_confidence_static")))
        .hasMessage(
            "remasking low_confidence_static has no threshold, which low_threshold goes with: use"
                + " low_confidence_dynamic");
  }

  private static void assertFits(
      ModelLimits limits, int[] prompt, SamplingOptions options, boolean fits) {
    if (fits) {
      limits.require(prompt, options);
    } else {
      assertThatThrownBy(() -> limits.require(prompt, options))
          .isInstanceOf(InvalidOptionException.class)
          .hasMessageStartingWith("sampler " + options.samplerName());
    }
  }

  private static BlockOptions options(Map<String, ?> values) {
    return (BlockOptions) SamplingOptions.of(BlockSampler.NAME, values);
  }

  private static double[] peak(int id) {
    double[] logits = new double[10];
    logits[id] = 12;
    return logits;
  }

  private static Denoiser constant(int id, List<Query> asked) {
    return of(_ -> peak(id), asked);
  }

  private static Denoiser of(IntFunction<double[]> logits, List<Query> asked) {
    return queries -> {
      asked.addAll(queries);
      List<List<Prediction>> answers = new ArrayList<>();
      for (Query query : queries) {
        answers.add(
            Arrays.stream(query.rows())
                .mapToObj(row -> HashModel.reduce(logits.apply(row), row, query.draw()))
                .toList());
      }
      return answers;
    };
  }

  private static List<Snapshot> snapshots(BlockOptions options, int[] prompt, Denoiser model) {
    SamplerRun run =
        new SamplerRun(options.sampler(SPECIALS), prompt, options.positions(prompt.length));
    List<Snapshot> snapshots = new ArrayList<>();
    while (!run.finished()) {
      snapshots.add(step(run, model));
    }
    return snapshots;
  }

  private static Snapshot step(SamplerRun run, Denoiser model) {
    return run.step(model.predict(List.of(run.ask())).get(0), 0);
  }
}
