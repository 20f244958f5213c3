package dev.palimpsest.engine.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.bindings.cuda.Device;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class KernelCodeTest {
  private static final List<String> BUILT =
      List.of("sm_80", "sm_90a", "sm_100", "sm_120", "compute_80");

  private static Device device(int major, int minor) {
    return new Device(0, "GPU", "", major, minor, 0, 1, 0);
  }

  @ParameterizedTest
  @CsvSource({
    "8, 0, sm_80, EXACT", // A100
    "8, 6, sm_80, EARLIER_MINOR", // RTX 3090
    "8, 9, sm_80, EARLIER_MINOR", // L4
    "9, 0, sm_90a, EXACT", // H100
    "10, 0, sm_100, EXACT", // B200
    "10, 3, sm_100, EARLIER_MINOR", // B300
    "11, 0, compute_80, PTX", // Thor
    "12, 0, sm_120, EXACT", // RTX 5090
    "12, 1, sm_120, EARLIER_MINOR", // GB10
  })
  void aDeviceRunsTheCodeThatIsNearestToIt(int major, int minor, String built, KernelCode.Fit fit) {
    assertThat(KernelCode.of(device(major, minor), BUILT)).contains(new KernelCode(built, fit));
  }

  @ParameterizedTest
  @CsvSource({"7, 5", "6, 1"})
  void anOlderDeviceRunsNone(int major, int minor) {
    assertThat(KernelCode.of(device(major, minor), BUILT)).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({"8, 6, sm_86", "8, 9, sm_86"})
  void theLatestOfTheEarlierMinorVersionsIsTaken(int major, int minor, String built) {
    assertThat(KernelCode.of(device(major, minor), List.of("sm_80", "sm_86", "compute_80")))
        .map(KernelCode::built)
        .contains(built);
  }

  /** Code for {@code sm_90a} runs on 9.0 and nowhere else. */
  @ParameterizedTest
  @CsvSource({"9, 1", "9, 9"})
  void codeForOneArchitectureAloneRunsOnNoLaterMinorVersion(int major, int minor) {
    assertThat(KernelCode.of(device(major, minor), BUILT))
        .contains(new KernelCode("compute_80", KernelCode.Fit.PTX));
  }
}
