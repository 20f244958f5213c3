package dev.palimpsest.sampler.trace;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.sampler.method.SamplingOptions;
import dev.palimpsest.step.Denoiser;
import dev.palimpsest.step.Prediction;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

final class ReplayTest {
  @TempDir private Path folder;

  static LongStream seeds() {
    return LongStream.range(0, 60);
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void fromEveryStepTheRestIsTheSameToTheLastBit(long seed) {
    Path file = folder.resolve("a.trace.jsonl");
    Fixture fixture = Fixture.of(seed);
    fixture.generate(file, true);
    Trace trace = Trace.read(file);
    for (int from = 0; from < trace.steps(); from++) {
      Replay.Outcome outcome = Replay.from(trace, fixture.model(), Replay.Equality.BITS, from);
      assertThat(outcome.difference()).isEmpty();
      assertThat(outcome.same()).isEqualTo(trace.steps() - from);
    }
  }

  @Test
  void theSeedsComeToEverySampler() {
    Set<String> names = new TreeSet<>();
    seeds().forEach(seed -> names.add(Fixture.of(seed).options().samplerName()));
    assertThat(names).containsExactlyInAnyOrderElementsOf(SamplingOptions.SAMPLERS);
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void aModelThatAnswersOtherwiseByTheLastBitIsFound(long seed) {
    Path file = folder.resolve("a.trace.jsonl");
    Fixture fixture = Fixture.of(seed);
    fixture.generate(file, true);
    Trace trace = Trace.read(file);
    Denoiser other =
        queries ->
            fixture.model().predict(queries).stream()
                .map(rows -> rows.stream().map(ReplayTest::nudged).toList())
                .toList();
    int asking = 0;
    while (trace.step(asking).asked().orElseThrow().rows().isEmpty()) {
      asking++;
    }
    Replay.Outcome outcome = Replay.from(trace, other, Replay.Equality.BITS, 0);
    assertThat(outcome.difference().orElseThrow().step()).isEqualTo(asking);
  }

  private static Prediction nudged(Prediction prediction) {
    return new Prediction(
        prediction.token(),
        prediction.probability(),
        prediction.argmax(),
        prediction.top(),
        prediction.second(),
        prediction.logSumExp(),
        Math.nextUp(prediction.entropy()));
  }
}
