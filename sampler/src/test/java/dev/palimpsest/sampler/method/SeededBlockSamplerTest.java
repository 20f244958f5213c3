package dev.palimpsest.sampler.method;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.sampler.AnyCase;
import dev.palimpsest.step.AttentionPattern;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Nemotron-Labs-Diffusion's block diffusion against its loop, over full logits. */
final class SeededBlockSamplerTest {
  private static final int MASK = 0;

  private static LongStream seeds() {
    return LongStream.range(0, 400);
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void everyStateIsThatOfThePublishedLoop(long seed) {
    AnyCase request = AnyCase.of(seed, SeededBlockSampler.NAME);
    assertThat(request.states()).as("seed %d", seed).containsExactlyElementsOf(reference(request));
  }

  private static List<int[]> reference(AnyCase request) {
    SeededBlockOptions options = (SeededBlockOptions) request.options();
    int block = options.blockLength();
    int prompt = request.prompt().length;
    int[] x =
        Arrays.copyOf(request.prompt(), prompt + block * Math.ceilDiv(options.genLength(), block));
    Arrays.fill(x, prompt, x.length, MASK);
    List<int[]> states = new ArrayList<>(List.of(x.clone()));
    int forward = 0;
    for (int start = prompt; start < x.length; start += block) {
      float[][] causal =
          request.model().logits(Arrays.copyOf(x, start), new AttentionPattern.Causal());
      x[start] =
          new PlainDraw(
                  causal[start - 1], options.temperature(), options.seed(), forward++, start - 1)
              .token();
      states.add(x.clone());
      while (!isEnded(x, request) && masked(x, start, block).length > 0) {
        float[][] logits = request.model().logits(Arrays.copyOf(x, start + block));
        int[] masked = masked(x, start, block);
        PlainDraw[] drawn = new PlainDraw[x.length];
        int best = masked[0];
        for (int p : masked) {
          drawn[p] = new PlainDraw(logits[p], options.temperature(), options.seed(), forward, p);
          best = drawn[p].confidence() > drawn[best].confidence() ? p : best;
        }
        forward++;
        for (int p : masked) {
          if (p == best || drawn[p].confidence() >= options.threshold().orElse(2)) {
            x[p] = drawn[p].token();
          }
        }
        states.add(x.clone());
      }
      if (isEnded(x, request)) {
        break;
      }
    }
    return states;
  }

  private static int[] masked(int[] x, int start, int block) {
    return IntStream.range(start, start + block).filter(p -> x[p] == MASK).toArray();
  }

  private static boolean isEnded(int[] x, AnyCase request) {
    for (int p = request.prompt().length; p < x.length && x[p] != MASK; p++) {
      if (request.specials().isStop(x[p])) {
        return true;
      }
    }
    return false;
  }
}
