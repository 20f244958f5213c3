package dev.palimpsest.sampler.method;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.sampler.AnyCase;
import dev.palimpsest.sampler.canvas.Snapshot;
import dev.palimpsest.sampler.canvas.SnapshotListener;
import dev.palimpsest.sampler.run.Generation;
import dev.palimpsest.sampler.run.Generator;
import dev.palimpsest.sampler.run.SamplerRun;
import dev.palimpsest.step.AttentionPattern;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Samplers that draft and then check causally: their text is the causal model's, and every draft is
 * checked.
 */
final class DraftingSamplersTest {
  private static Stream<Arguments> cases() {
    return Stream.of(LinearSpecSampler.NAME, IsdSampler.NAME)
        .flatMap(
            name -> LongStream.range(0, 400).mapToObj(seed -> Arguments.arguments(name, seed)));
  }

  @ParameterizedTest(name = "{0}, seed {1}")
  @MethodSource("cases")
  void greedyTextsAreThoseOfTheCausalModel(String name, long seed) {
    AnyCase request = AnyCase.of(seed, name);
    Map<String, Object> greedy = new LinkedHashMap<>(request.options().toMap());
    greedy.put("temperature", 0);
    Generator generator =
        new Generator(
            request.model(),
            new ModelLimits(request.model().vocabulary, 1000, request.model().pattern),
            request.specials());
    Generation drafted =
        generator.generate(
            request.prompt(), SamplingOptions.of(name, greedy), SnapshotListener.NONE);
    Generation decoded =
        generator.generate(
            request.prompt(),
            SamplingOptions.of("decode", Map.of("gen_length", request.options().genLength())),
            SnapshotListener.NONE);
    assertThat(drafted.tokens()).as("seed %d", seed).isEqualTo(decoded.tokens());
    assertThat(drafted.complete()).isTrue();
  }

  @ParameterizedTest(name = "{0}, seed {1}")
  @MethodSource("cases")
  void whatIsSettledIsWhatTheCausalModelDrewBehindIt(String name, long seed) {
    AnyCase request = AnyCase.of(seed, name);
    SamplingOptions options = request.options();
    double temperature = Double.parseDouble(String.valueOf(options.toMap().get("temperature")));
    Sampler sampler = options.sampler(request.specials());
    SamplerRun run = request.run();
    int settled = request.prompt().length;
    int steps = 0;
    while (!run.finished()) {
      boolean isCheck = run.ask().attention().isPresent();
      int step = run.cursor().step();
      run.step(request.model().predict(List.of(run.ask())).getFirst(), 0);
      int now = sampler.settled(run.canvas(), run.cursor());
      int[] ids = run.canvas().ids();
      for (int position = settled; position < now; position++) {
        if (position > settled && request.specials().isStop(ids[position - 1])) {
          assertThat(run.finished()).isTrue();
          break; // drafts behind the end of the text are no part of it
        }
        float[][] causal =
            request.model().logits(Arrays.copyOf(ids, position), new AttentionPattern.Causal());
        int drawn =
            new PlainDraw(causal[position - 1], temperature, options.seed(), step, position - 1)
                .token();
        assertThat(ids[position]).as("seed %d, position %d", seed, position).isEqualTo(drawn);
      }
      assertThat(now).isGreaterThanOrEqualTo(settled);
      assertThat(now > settled)
          .as("seed %d: a check settles a token or more", seed)
          .isEqualTo(isCheck);
      assertThat(isCheck || name.equals(LinearSpecSampler.NAME))
          .as("seed %d: every step of isd checks", seed)
          .isTrue();
      settled = now;
      steps++;
    }
    assertThat(steps).isPositive();
  }

  @ParameterizedTest
  @ValueSource(strings = {LinearSpecSampler.NAME, IsdSampler.NAME})
  void aDraftThatTheCausalModelDoesNotShareIsMaskedAgain(String name) {
    List<Snapshot> snapshots = new ArrayList<>();
    for (long seed = 0; seed < 40; seed++) {
      AnyCase request = AnyCase.of(seed, name);
      SamplerRun run = request.run();
      while (!run.finished()) {
        snapshots.add(run.step(request.model().predict(List.of(run.ask())).getFirst(), 0));
      }
    }
    assertThat(snapshots).anyMatch(each -> each.remasked().length > 0 && each.edits().size() == 1);
    assertThat(snapshots).noneMatch(each -> each.edits().size() > 1);
  }
}
