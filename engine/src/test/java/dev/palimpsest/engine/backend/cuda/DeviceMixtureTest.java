package dev.palimpsest.engine.backend.cuda;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.palimpsest.engine.backend.host.TinyFamily;
import dev.palimpsest.engine.device.DeviceException;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.engine.model.Experts;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.engine.model.Router;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Which mixtures are refused before anything is loaded; the hidden width is 32. */
final class DeviceMixtureTest {
  private static final ModelSpec SPEC = TinyFamily.EXPERTS.spec();

  private static Experts experts(int count, int perToken, int width, int groups) {
    return new Experts(count, perToken, width, new Router.GroupedSigmoid(groups, 1, true, 1));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "513 | 2 | 64 | 1 | 513 experts of a layer are not supported on a GPU, where at most 512 are",
        "512 | 33 | 64 | 1 | 33 experts of a token are not supported on a GPU, where at most 32 are",
        "512 | 2 | 64 | 64 | 64 groups of experts are not supported on a GPU, where at most 32 are",
        "8 | 2 | 20 | 1 | experts between rows of 20 are not supported on a GPU in bf16, where widths"
            + " are multiples of 8"
      })
  void whatNoKernelIsMadeForIsRefusedByItsNumber(
      int count, int perToken, int width, int groups, String message) {
    assertThatThrownBy(
            () ->
                DeviceMixture.require(
                    SPEC, experts(count, perToken, width, groups), Precision.BF16))
        .isInstanceOf(DeviceException.class)
        .hasMessage(message);
  }

  @ParameterizedTest
  @EnumSource
  void theLargestMixtureIsAccepted(Precision precision) {
    assertThatCode(() -> DeviceMixture.require(SPEC, experts(512, 32, 8, 32), precision))
        .doesNotThrowAnyException();
  }

  @ParameterizedTest
  @CsvSource({"1", "20", "33"})
  void inF32ExpertsMayHaveAnyWidth(int width) {
    assertThatCode(() -> DeviceMixture.require(SPEC, experts(8, 2, width, 1), Precision.F32))
        .doesNotThrowAnyException();
  }

  @ParameterizedTest
  @EnumSource
  void aSoftmaxHasNoGroupsToCount(Precision precision) {
    Experts experts = new Experts(64, 8, 64, new Router.Softmax(true));
    assertThatCode(() -> DeviceMixture.require(SPEC, experts, precision))
        .doesNotThrowAnyException();
  }
}
