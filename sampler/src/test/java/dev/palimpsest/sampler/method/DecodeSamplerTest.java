package dev.palimpsest.sampler.method;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.palimpsest.sampler.AnyCase;
import dev.palimpsest.sampler.HashModel;
import dev.palimpsest.sampler.canvas.SnapshotListener;
import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.sampler.run.Generation;
import dev.palimpsest.sampler.run.Generator;
import dev.palimpsest.sampler.run.SamplerRun;
import dev.palimpsest.step.AttentionPattern;
import dev.palimpsest.step.Query;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class DecodeSamplerTest {
  private static final SpecialTokens SPECIALS =
      new SpecialTokens(SpecialTokens.NO_MASK, 1, OptionalInt.of(2));

  private static LongStream seeds() {
    return LongStream.range(0, 200);
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void everyTokenIsTheNextOneOfAPlainLoop(long seed) {
    AnyCase request = AnyCase.of(seed, DecodeSampler.NAME);
    DecodeOptions options = (DecodeOptions) request.options();
    int[] text = request.prompt();
    for (int step = 0; step < options.genLength(); step++) {
      float[][] logits = request.model().logits(text, new AttentionPattern.Causal());
      int last = text.length - 1;
      ReferenceDraw draw =
          new ReferenceDraw(
              logits[last],
              options.draw(),
              request.specials().maskId(),
              options.seed(),
              step,
              last);
      text = Arrays.copyOf(text, text.length + 1);
      text[text.length - 1] = draw.token;
      if (request.specials().isStop(draw.token)) {
        break;
      }
    }
    SamplerRun run = request.run();
    List<Query> asked = new ArrayList<>();
    while (!run.finished()) {
      asked.add(run.ask());
      run.step(request.model().predict(List.of(run.ask())).get(0), 0);
    }
    int[] written =
        Arrays.copyOf(run.canvas().ids(), request.prompt().length + run.cursor().step());
    assertThat(written).as("seed %d", seed).isEqualTo(text);
    for (int step = 0; step < asked.size(); step++) {
      int length = request.prompt().length + step;
      assertThat(asked.get(step).tokens()).containsExactly(Arrays.copyOf(text, length));
      assertThat(asked.get(step).rows()).containsExactly(length - 1);
      assertThat(asked.get(step).cacheablePrefix()).isEqualTo(length);
    }
  }

  @Test
  void decodingEndsAfterItsStopIdAndTheTextBeforeIt() {
    HashModel model = new HashModel(9, 1, 3, 0, -1, new AttentionPattern.Causal());
    Generator generator = new Generator(model, new ModelLimits(9, 300, model.pattern), SPECIALS);
    List<Generation> generations =
        IntStream.range(0, 40)
            .mapToObj(
                seed ->
                    generator.generate(
                        new int[] {3},
                        SamplingOptions.of(
                            "decode", Map.of("gen_length", 200, "temperature", 1, "seed", seed)),
                        SnapshotListener.NONE))
            .toList();
    assertThat(generations).allMatch(Generation::complete);
    assertThat(generations).anyMatch(Generation::stopped);
    for (Generation generation : generations) {
      assertThat(generation.tokens()).doesNotContain(1, 2, SpecialTokens.NO_MASK);
      assertThat(generation.forwards())
          .isEqualTo(generation.tokens().length + (generation.stopped() ? 1 : 0));
    }
  }

  @Test
  void aCausalModelNeedsSomethingToGoOn() {
    HashModel model = new HashModel(9, 1, 3, 0, -1, new AttentionPattern.Causal());
    Generator generator = new Generator(model, new ModelLimits(9, 300, model.pattern), SPECIALS);
    assertThatThrownBy(
            () ->
                generator.generate(
                    new int[0], SamplingOptions.of("decode", Map.of()), SnapshotListener.NONE))
        .isInstanceOf(InvalidOptionException.class)
        .hasMessage("prompt of 0 tokens leaves a causal model nothing to go on: give at least one");
  }
}
