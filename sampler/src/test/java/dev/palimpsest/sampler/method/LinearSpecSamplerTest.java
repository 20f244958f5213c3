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
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Self-speculation: its text is the causal model's, and every draft is checked. */
final class LinearSpecSamplerTest {
  private static LongStream seeds() {
    return LongStream.range(0, 400);
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void greedyTextsAreThoseOfTheCausalModel(long seed) {
    AnyCase request = AnyCase.of(seed, LinearSpecSampler.NAME);
    LinearSpecOptions options = (LinearSpecOptions) request.options();
    Generator generator =
        new Generator(
            request.model(),
            new ModelLimits(request.model().vocabulary, 1000, request.model().pattern),
            request.specials());
    Generation drafted =
        generator.generate(
            request.prompt(),
            new LinearSpecOptions(
                options.genLength(), options.blockLength(), options.threshold(), 0, seed),
            SnapshotListener.NONE);
    Generation decoded =
        generator.generate(
            request.prompt(),
            SamplingOptions.of("decode", Map.of("gen_length", options.genLength())),
            SnapshotListener.NONE);
    assertThat(drafted.tokens()).as("seed %d", seed).isEqualTo(decoded.tokens());
    assertThat(drafted.complete()).isTrue();
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void whatIsSettledIsWhatTheCausalModelDrewBehindIt(long seed) {
    AnyCase request = AnyCase.of(seed, LinearSpecSampler.NAME);
    LinearSpecOptions options = (LinearSpecOptions) request.options();
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
            new PlainDraw(
                    causal[position - 1], options.temperature(), options.seed(), step, position - 1)
                .token();
        assertThat(ids[position]).as("seed %d, position %d", seed, position).isEqualTo(drawn);
      }
      assertThat(now).isGreaterThanOrEqualTo(settled);
      assertThat(now > settled)
          .as("seed %d: a check settles a token or more", seed)
          .isEqualTo(isCheck);
      settled = now;
      steps++;
    }
    assertThat(steps).isPositive();
  }

  @Test
  void aDraftThatTheCausalModelDoesNotShareIsMaskedAgain() {
    List<Snapshot> snapshots = new ArrayList<>();
    for (long seed = 0; seed < 40; seed++) {
      AnyCase request = AnyCase.of(seed, LinearSpecSampler.NAME);
      SamplerRun run = request.run();
      while (!run.finished()) {
        snapshots.add(run.step(request.model().predict(List.of(run.ask())).getFirst(), 0));
      }
    }
    assertThat(snapshots).anyMatch(each -> each.remasked().length > 0 && each.edits().size() == 1);
    assertThat(snapshots).noneMatch(each -> each.edits().size() > 1);
  }
}
