package dev.palimpsest.app.provenance;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.util.LinkedHashMap;
import java.util.Map;

/** What a measurement was made on. */
public final class Machine {
  private Machine() {}

  /** Processor, operating system, memory in bytes, and Java. */
  public static Map<String, Object> facts() {
    Map<String, Object> facts = new LinkedHashMap<>();
    facts.put("cpu", Processor.name());
    facts.put(
        "os",
        "%s %s, %s"
            .formatted(
                System.getProperty("os.name"),
                System.getProperty("os.version"),
                System.getProperty("os.arch")));
    facts.put("memory_bytes", memoryBytes());
    facts.put("java", Runtime.version().toString());
    return facts;
  }

  /** All memory that this process may use: the machine's, or its container's. */
  public static long memoryBytes() {
    return ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getTotalMemorySize();
  }
}
