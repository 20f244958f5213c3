package dev.palimpsest.app.provenance;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The processor that this runs on. */
public final class Processor {
  private static final Path CPU_INFO = Path.of("/proc/cpuinfo");
  private static final String MODEL_NAME = "model name";

  private Processor() {}

  /** Its maker's name for it; the architecture where the system does not tell. */
  public static String name() {
    try {
      return Files.readAllLines(CPU_INFO).stream()
          .filter(line -> line.startsWith(MODEL_NAME))
          .findFirst()
          .map(line -> line.substring(line.indexOf(':') + 1).strip())
          .orElseGet(Processor::architecture);
    } catch (IOException e) {
      return architecture();
    }
  }

  private static String architecture() {
    return System.getProperty("os.arch");
  }
}
