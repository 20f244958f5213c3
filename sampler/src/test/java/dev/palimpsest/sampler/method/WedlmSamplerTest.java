package dev.palimpsest.sampler.method;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.sampler.AnyCase;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** WeDLM's streaming parallel decoding against its window and its choice, over full logits. */
final class WedlmSamplerTest {
  private static final int MASK = 0;

  private static LongStream seeds() {
    return LongStream.range(0, 400);
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void everyStateIsThatOfThePublishedLoop(long seed) {
    AnyCase request = AnyCase.of(seed, WedlmSampler.NAME);
    assertThat(request.states()).as("seed %d", seed).containsExactlyElementsOf(reference(request));
  }

  private static List<int[]> reference(AnyCase request) {
    WedlmOptions options = (WedlmOptions) request.options();
    int prompt = request.prompt().length;
    int[] x = Arrays.copyOf(request.prompt(), prompt + options.genLength());
    Arrays.fill(x, prompt, x.length, MASK);
    List<int[]> states = new ArrayList<>(List.of(x.clone()));
    for (int step = 0; ; step++) {
      int first = prompt;
      while (first < x.length && x[first] != MASK && !request.specials().isStop(x[first])) {
        first++;
      }
      if (first == x.length || x[first] != MASK) {
        return states;
      }
      int[] window = Arrays.copyOf(x, Math.min(x.length, first + options.windowSize()));
      float[][] logits = request.model().logits(window);
      int from = first;
      int[] masked = IntStream.range(from, window.length).filter(p -> window[p] == MASK).toArray();
      PlainDraw[] drawn = new PlainDraw[window.length];
      double[] adjusted = new double[window.length];
      int best = first;
      for (int p : masked) {
        drawn[p] = new PlainDraw(logits[p], options.temperature(), options.seed(), step, p);
        adjusted[p] = drawn[p].entropy() + options.posPenaltyFactor() * (p - first);
        best = adjusted[p] < adjusted[best] ? p : best;
      }
      for (int p : masked) {
        if (p == best || adjusted[p] < options.entropyThreshold().orElse(-1)) {
          x[p] = drawn[p].token();
        }
      }
      states.add(x.clone());
    }
  }
}
