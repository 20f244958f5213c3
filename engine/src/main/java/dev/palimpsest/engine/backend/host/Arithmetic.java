package dev.palimpsest.engine.backend.host;

import com.sun.management.HotSpotDiagnosticMXBean;
import dev.palimpsest.engine.device.DeviceException;
import java.lang.management.ManagementFactory;
import org.jspecify.annotations.Nullable;

/** The host's defined f32 arithmetic, which {@code docs/arithmetic.md} specifies. */
final class Arithmetic {
  /** The name under which traces and recorded bits refer to it. */
  static final String NAME = "host-f32/1";

  /** Terms of one chain of fused multiply-adds; longer sums of products add chains in order. */
  static final int CHAIN = 256;

  /** Lanes of every other sum: element i belongs to lane i mod 16. */
  static final int LANES = 16;

  private static final int TRIES = 20;
  private static final int CALLS = 20;

  /** Instructions take far less, even uncompiled; the software that stands in for them, more. */
  private static final long MOST_NANOS_A_CALL = 100;

  private Arithmetic() {}

  /**
   * Refuses a machine that computes fused multiply-adds in software, as Java does without the
   * instruction: the bits would be right, and a step would take minutes.
   *
   * @throws DeviceException if there is no such instruction, or the JVM was told not to use it
   */
  static void requireFma() {
    if (!isFast() && !usesFma()) {
      throw new DeviceException(
          "FMA is needed, and this CPU has no fused multiply-add instruction or the JVM was started"
              + " with -XX:-UseFMA or a low -XX:UseAVX: x86-64 has it since Haswell (2013) and"
              + " Piledriver (2012)");
    }
  }

  private static boolean isFast() {
    float sum = 1;
    for (int i = 0; i < TRIES; i++) {
      long start = System.nanoTime();
      for (int call = 0; call < CALLS; call++) {
        sum = Math.fma(sum, 0.9f, 0.3f);
      }
      if (System.nanoTime() - start < CALLS * MOST_NANOS_A_CALL && sum > 0) {
        return true;
      }
    }
    return false;
  }

  /** What the JVM says; asking it takes longer than a start should. */
  private static boolean usesFma() {
    @Nullable HotSpotDiagnosticMXBean jvm =
        ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class);
    return jvm != null && Boolean.parseBoolean(jvm.getVMOption("UseFMA").getValue());
  }
}
