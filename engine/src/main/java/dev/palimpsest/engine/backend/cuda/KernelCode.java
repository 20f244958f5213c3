package dev.palimpsest.engine.backend.cuda;

import dev.palimpsest.bindings.cuda.Device;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * What a device runs of the code that a build holds.
 *
 * @param built what it was compiled for, as compilers spell it: {@code sm_90a}, or {@code
 *     compute_80} for PTX
 * @param fit how that suits the device
 */
record KernelCode(String built, Fit fit) {
  private static final String PTX = "compute_";

  /** How code suits a device, the best first. */
  enum Fit {
    /** It was compiled for the device's own architecture. */
    EXACT("%s, compiled for this GPU"),
    /** It was compiled for an earlier one of the same major version. */
    EARLIER_MINOR("%s, compiled for an earlier GPU of the same major version"),
    /** The driver compiles it. */
    PTX("PTX of %s, which the driver compiles at the first start and keeps");

    private final String words;

    Fit(String words) {
      this.words = words;
    }
  }

  /**
   * What the driver takes for a device, if it takes anything.
   *
   * @param built what the build holds; an architecture that ends in a letter suits itself alone
   */
  static Optional<KernelCode> of(Device device, List<String> built) {
    return built.stream()
        .flatMap(each -> suits(each, device).map(fit -> new KernelCode(each, fit)).stream())
        .min(Comparator.comparing(KernelCode::fit).thenComparingInt(each -> -version(each.built)));
  }

  private static Optional<Fit> suits(String built, Device device) {
    int version = version(built);
    int own = 10 * device.major() + device.minor();
    boolean alone = !Character.isDigit(built.charAt(built.length() - 1));
    if (version > own || (alone && version < own)) {
      return Optional.empty();
    }
    if (built.startsWith(PTX)) {
      return Optional.of(Fit.PTX);
    }
    if (version == own) {
      return Optional.of(Fit.EXACT);
    }
    return version / 10 == device.major() ? Optional.of(Fit.EARLIER_MINOR) : Optional.empty();
  }

  private static int version(String built) {
    return Integer.parseInt(built.replaceAll("\\D", ""));
  }

  /** Which it is and how it suits the device. */
  String describe() {
    return fit.words.formatted(built);
  }
}
