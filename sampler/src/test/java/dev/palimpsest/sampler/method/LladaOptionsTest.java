package dev.palimpsest.sampler.method;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.palimpsest.step.AttentionPattern;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

class LladaOptionsTest {
  @Test
  void theDefaultsAreLladas() {
    LladaOptions options = LladaOptions.DEFAULTS;
    assertThat(options.steps()).isEqualTo(128);
    assertThat(options.genLength()).isEqualTo(128);
    assertThat(options.blockLength()).isEqualTo(128);
    assertThat(options.temperature()).isZero();
    assertThat(options.cfgScale()).isZero();
    assertThat(options.remasking()).isEqualTo(Remasking.LOW_CONFIDENCE);
    assertThat(options.threshold()).isEmpty();
    assertThat(options.lowThreshold()).isEmpty();
    assertThat(options.factor()).isEmpty();
    assertThat(options.logitsEosInf()).isFalse();
    assertThat(options.confidenceEosEotInf()).isFalse();
    assertThat(options.toBuilder().build()).isEqualTo(options);
  }

  @Test
  void aWrongOptionIsOneLineWithItsNameItsValueAndWhatWouldBeValid() {
    refuses(o -> o.genLength(0), "gen_length 0 is too small: use 1 or above");
    refuses(o -> o.blockLength(-4), "block_length -4 is too small: use 1 or above");
    refuses(o -> o.steps(0), "steps 0 is too small: use 1 or above");
    refuses(o -> o.temperature(-0.5), "temperature -0.5 is invalid: use a number of 0 or above");
    refuses(
        o -> o.temperature(Double.NaN), "temperature NaN is invalid: use a number of 0 or above");
    refuses(
        o -> o.cfgScale(Double.POSITIVE_INFINITY),
        "cfg_scale Infinity is invalid: use a number of 0 or above");
    refuses(o -> o.cfgScale(-1), "cfg_scale -1.0 is invalid: use a number of 0 or above");
    refuses(
        o -> o.genLength(64), "block_length 128 is larger than gen_length 64: use 64 or a divisor");
    refuses(
        o -> o.genLength(100).blockLength(32),
        "gen_length 100 is not a multiple of block_length 32: use 96 or 128");
    refuses(
        o -> o.genLength(96).blockLength(32).steps(100),
        "steps 100 is not a multiple of the 3 blocks of gen_length 96 / block_length 32: use"
            + " 99 or 102");
    refuses(
        o -> o.genLength(96).blockLength(32).steps(2),
        "steps 2 is not a multiple of the 3 blocks of gen_length 96 / block_length 32: use" + " 3");
    refuses(o -> o.threshold(0), "threshold 0.0 is no probability: use above 0, up to 1");
    refuses(o -> o.threshold(1.5), "threshold 1.5 is no probability: use above 0, up to 1");
    refuses(o -> o.threshold(Double.NaN), "threshold NaN is no probability: use above 0, up to 1");
    refuses(o -> o.factor(0), "factor 0.0 is invalid: use a number above 0");
    refuses(
        o -> o.factor(Double.POSITIVE_INFINITY),
        "factor Infinity is invalid: use a number above 0");
    refuses(
        o -> o.threshold(.9).factor(1), "factor 1.0 excludes threshold 0.9: use one of the two");
    refuses(
        o -> o.lowThreshold(.4).factor(1),
        "factor 1.0 excludes low_threshold 0.4: use one of the two");
    refuses(o -> o.lowThreshold(1), "low_threshold 1.0 is no probability: use 0 up to below 1");
    refuses(o -> o.lowThreshold(-.1), "low_threshold -0.1 is no probability: use 0 up to below 1");
    refuses(
        o -> o.threshold(.6).lowThreshold(.6),
        "low_threshold 0.6 is not below threshold 0.6: use less");
    refuses(
        o -> o.lowThreshold(.4).remasking(Remasking.ENTROPY),
        "remasking entropy does not rank by the probability that low_threshold compares: use"
            + " low_confidence");
    refuses(
        o -> o.factor(1).remasking(Remasking.RANDOM),
        "remasking random does not rank by the probability that factor compares: use"
            + " low_confidence");
    refuses(
        o -> o.threshold(.9).remasking(Remasking.TOPK_MARGIN),
        "remasking topk_margin does not rank by the probability that threshold compares: use"
            + " low_confidence");
    assertThatThrownBy(() -> LladaOptions.of(Map.of("remasking", "topk")))
        .isInstanceOf(InvalidOptionException.class)
        .hasMessage(
            "remasking topk is unknown: use low_confidence, random, topk_margin or entropy");
  }

  @Test
  void remaskingIsReadByItsNameAndNoOtherSamplersIsTaken() {
    assertThat(LladaOptions.of(Map.of("remasking", "random")).remasking())
        .isEqualTo(Remasking.RANDOM);
    refuses(
        o -> o.remasking(Remasking.CAP),
        "remasking cap is unknown: use low_confidence, random, topk_margin or entropy");
  }

  @Test
  void othersMayNameTheOptionsAsTheyLike() {
    assertThatThrownBy(() -> LladaOptions.builder().genLength(64).build())
        .isInstanceOfSatisfying(
            InvalidOptionException.class,
            e ->
                assertThat(e.message(name -> "--" + name.replace('_', '-')))
                    .isEqualTo(
                        "--block-length 128 is larger than --gen-length 64: use 64 or a divisor"));
  }

  @Test
  void theExtremesOfAnIntDoNotOverflowTheAdvice() {
    refuses(
        o -> o.genLength(Integer.MAX_VALUE).blockLength(2),
        "gen_length 2147483647 is not a multiple of block_length 2: use 2147483646");
  }

  @Test
  void stepsNeedNotFitTheBlocksOfAThreshold() {
    LladaOptions.Builder uneven = LladaOptions.builder().genLength(96).blockLength(32);
    assertThatCode(() -> uneven.lowThreshold(0).build()).doesNotThrowAnyException();
    assertThatCode(() -> uneven.threshold(1).build()).doesNotThrowAnyException();
  }

  @Test
  void aRequestMustFitTheModel() {
    ModelLimits limits = new ModelLimits(10, 20, new AttentionPattern.Full());
    LladaOptions options = LladaOptions.builder().genLength(16).blockLength(16).steps(16).build();
    limits.require(new int[] {0, 9, 3, 4}, options);
    limits.require(new int[0], options);
    assertThatThrownBy(() -> limits.require(new int[5], options))
        .isInstanceOf(InvalidOptionException.class)
        .hasMessage(
            "gen_length 16 and a prompt of 5 tokens are more than the 20 the model takes: use up"
                + " to 15");
    assertThatThrownBy(() -> limits.require(new int[20], options))
        .hasMessage(
            "prompt of 20 tokens leaves no room to write: the model takes 20 tokens, prompt and"
                + " text together");
    assertThatThrownBy(() -> limits.require(new int[] {1, 10}, options))
        .hasMessage("prompt id 10 at position 1 is no token: ids are 0 to 9");
    assertThatThrownBy(() -> limits.require(new int[] {-1}, options))
        .hasMessage("prompt id -1 at position 0 is no token: ids are 0 to 9");
    assertThatThrownBy(
            () ->
                limits.require(
                    new int[] {1},
                    options.toBuilder()
                        .genLength(Integer.MAX_VALUE)
                        .blockLength(1)
                        .threshold(1)
                        .build()))
        .hasMessageContaining("use up to 19");
  }

  private static void refuses(UnaryOperator<LladaOptions.Builder> change, String message) {
    LladaOptions.Builder builder = change.apply(LladaOptions.builder());
    assertThatThrownBy(builder::build)
        .isInstanceOf(InvalidOptionException.class)
        .hasMessage(message)
        .satisfies(
            failure ->
                assertThat(((InvalidOptionException) failure).option())
                    .isEqualTo(message.substring(0, message.indexOf(' '))));
  }
}
