package dev.palimpsest.app.options;

import com.sun.management.OperatingSystemMXBean;
import dev.palimpsest.engine.forward.Transformer;
import dev.palimpsest.engine.model.ModelSpec;
import java.lang.management.ManagementFactory;

/** How many tokens a forward may have, if nobody says. */
public final class BatchTokens {
  private static final int SAMPLE = 4096;
  private static final int PART_OF_MEMORY = 4;

  private BatchTokens() {}

  /**
   * As many as there is memory for: a quarter of the machine's on the host, and on a GPU what was
   * made sure to fit beside the weights; and where keys and values are cached, no more than the
   * cache holds, since those that it lacks are computed at every step.
   */
  public static long of(ModelSpec spec, Transformer transformer) {
    long tokens =
        transformer.arithmetic().startsWith("cuda")
            ? Transformer.workload(spec).tokens()
            : hostBytes()
                / PART_OF_MEMORY
                / Math.ceilDiv(Transformer.stepBytes(spec, SAMPLE), SAMPLE);
    long cached = transformer.kvCacheTokens();
    return Math.max(1, cached == 0 ? tokens : Math.min(tokens, cached));
  }

  private static long hostBytes() {
    return ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getTotalMemorySize();
  }
}
