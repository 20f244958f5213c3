package dev.palimpsest.app.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.palimpsest.api.LanguageModel;
import dev.palimpsest.app.file.Problem;
import dev.palimpsest.app.options.SpecialTokenOptions;
import dev.palimpsest.app.terminal.Cli;
import dev.palimpsest.engine.Model;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.lab.answer.Spans;
import dev.palimpsest.sampler.canvas.Commit;
import dev.palimpsest.sampler.method.SamplingOptions;
import dev.palimpsest.sampler.run.Generation;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** What a model of this process is timed by and what it takes. */
final class LocalRaceTest {
  private static final Problem PROBLEM =
      new Problem(
          "1",
          "Maya has 24 marbles. First she buys 7 more. How many marbles does Maya have now?",
          "31",
          Optional.empty());

  @Test
  void theFirstTokenIsThatOfTheTextAndNotOfThePaddingBehindIt() {
    try (Model model = load("abacus-mdm")) {
      SamplingOptions options =
          SamplingOptions.of("llada", Map.of("gen_length", 48, "block_length", 48, "steps", 48));
      List<List<Integer>> filled = new ArrayList<>();
      Generation generation =
          LanguageModel.of(model)
              .generator()
              .generate(
                  model.prompt(PROBLEM.prompt()),
                  options,
                  snapshot ->
                      filled.add(snapshot.commits().stream().map(Commit::position).toList()));
      int end = generation.promptLength() + generation.tokens().length;
      int first =
          IntStream.range(0, filled.size())
              .filter(step -> filled.get(step).stream().anyMatch(position -> position < end))
              .findFirst()
              .orElseThrow();
      assertThat(first).isPositive();
      Answer answer = race(model, options).run(List.of(PROBLEM), 1).answers().getFirst();
      assertThat(answer.textTokens()).isEqualTo(generation.tokens().length);
      assertThat(answer.stepMicros()).hasSize(47);
      double seconds = answer.secondsToFirstSnapshot().orElseThrow();
      for (int step = 0; step < first; step++) {
        seconds += answer.stepMicros()[step] / 1e6;
      }
      assertThat(answer.secondsToFirstTextToken().orElseThrow())
          .isCloseTo(seconds, within(1e-6 * first));
    }
  }

  @Test
  void aRunRecallsNothingOfTheOneBeforeAndItsMemoryIsItsOwn() {
    try (Model model = load("abacus-ar")) {
      LocalRace race = race(model, SamplingOptions.of("decode", Map.of("gen_length", 40)));
      Race.Memory alone = race.run(List.of(PROBLEM), 1).memory().orElseThrow();
      Race.Memory again = race.run(List.of(PROBLEM), 1).memory().orElseThrow();
      assertThat(again).isEqualTo(alone);
      // Keys and values of the prompt and the text in whole pages, in f32.
      int tokens = model.prompt(PROBLEM.prompt()).length;
      long perToken = 2L * model.spec().layers() * model.spec().attention().keyWidth() * 4;
      assertThat(alone.kvCacheBytes()).isGreaterThanOrEqualTo(tokens * perToken);
      assertThat(alone.kvCacheBytes() % (16 * perToken)).isZero();
      // Weights are held as published, in bf16, in whole panels of rows; the rotary table in f32.
      long rotary = 4L * model.spec().maxLength() * model.spec().attention().rotary().size();
      long published = 2 * model.spec().parameters() + rotary;
      assertThat(alone.weightBytes()).isBetween(published, published + published / 50);
      Race.Memory many =
          race.run(List.of(PROBLEM, PROBLEM.asked("Omar has 3. How many?")), 2)
              .memory()
              .orElseThrow();
      assertThat(many.stepBytes()).isGreaterThan(alone.stepBytes());
      assertThat(race.run(List.of(PROBLEM), 1).memory()).hasValue(alone);
    }
  }

  private static Model load(String name) {
    return Model.load(Cli.home().resolve("models").resolve(name), Precision.F32, 2, _ -> {});
  }

  private static LocalRace race(Model model, SamplingOptions options) {
    return new LocalRace(LanguageModel.of(model), options, new SpecialTokenOptions(), Spans.ANSWER);
  }
}
