package dev.palimpsest.sampler.method;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.sampler.HashModel;
import dev.palimpsest.step.Draw;
import java.util.Optional;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What {@link Draw} promises of temperature, shown on the test model that the samplers run on. */
class GumbelTest {
  private static LongStream seeds() {
    return LongStream.range(0, 20);
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void drawsFollowTheSoftmaxOfTheLogitsOverTheTemperature(long seed) {
    Random random = new Random(seed);
    double temperature = 0.3 + 1.5 * random.nextDouble();
    double[] logits = random.doubles(7, 0, 2).toArray();
    double[] scaled = logits.clone();
    for (int id = 0; id < scaled.length; id++) {
      scaled[id] /= temperature;
    }
    double[] expected = ReferenceLlada.softmax(scaled);
    int draws = 20_000;
    int[] counts = new int[logits.length];
    for (int draw = 0; draw < draws; draw++) {
      Draw keyed =
          new Draw(temperature, Optional.empty(), seed, draw / 100, new int[0], new int[0]);
      counts[HashModel.reduce(logits, draw % 100, keyed).token()]++;
    }
    double chiSquare = 0;
    for (int id = 0; id < counts.length; id++) {
      double mean = draws * expected[id];
      chiSquare += (counts[id] - mean) * (counts[id] - mean) / mean;
    }
    // 6 degrees of freedom: exceeded with probability 1e-5.
    assertThat(chiSquare).as("seed %d", seed).isLessThan(33.1);
  }

  @Test
  void aLogitThatOverflowsTheReferenceIsDrawnAsAnyOther() {
    double[] logits = {800, 802, 0};
    Draw draw = new Draw(1e-3, Optional.empty(), 3, 0, new int[0], new int[0]);
    assertThat(Math.exp(logits[0])).isEqualTo(Math.exp(logits[1])).isInfinite();
    for (int position = 0; position < 100; position++) {
      assertThat(HashModel.reduce(logits, position, draw).token()).isEqualTo(1);
    }
  }
}
