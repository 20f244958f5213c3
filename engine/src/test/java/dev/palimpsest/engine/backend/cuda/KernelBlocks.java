package dev.palimpsest.engine.backend.cuda;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/** What the kernels take of a multiprocessor: by their README and by ptxas. */
final class KernelBlocks {
  private static final Path HOME = Path.of(System.getProperty("palimpsest.home", ".."));
  private static final Path REPORT = HOME.resolve("native/target/ptxas.log");

  private static final Pattern USED =
      Pattern.compile(
          "entry function '(\\w+)' for '(\\w+)'(?s:.*?)(\\d+) bytes spill stores(?s:.*?)"
              + "Used (\\d+) registers([^\\n]*)\\n");

  private static final Pattern SHARED = Pattern.compile("(\\d+) bytes smem");

  /** {@code | `swiglu_T` | `parameters` | (rows, y) × 256 | shared |}. */
  private static final Pattern ROW = Pattern.compile("(?m)^\\| `(\\w+)`[^|]*\\|[^|]*\\|([^|]*)\\|");

  private static final Pattern THREADS = Pattern.compile("(?:(bf16|f32): )?\\([^×]*\\) × (\\d+)");

  private KernelBlocks() {}

  /**
   * What ptxas reported of a kernel.
   *
   * @param spilled bytes of a thread's registers that are put into memory
   * @param registers of a thread
   * @param sharedBytes of a block, beside what a launch asks for
   */
  record Report(String kernel, String architecture, int spilled, int registers, int sharedBytes) {
    /** Its name in the README. */
    String listed() {
      return kernel.replaceFirst("_h\\d+$", "_hD");
    }
  }

  static boolean areReported() {
    return Files.exists(REPORT);
  }

  static List<Report> reports() throws IOException {
    List<Report> reports = new ArrayList<>();
    for (MatchResult used : USED.matcher(Files.readString(REPORT)).results().toList()) {
      int shared =
          SHARED
              .matcher(used.group(5))
              .results()
              .mapToInt(each -> Integer.parseInt(each.group(1)))
              .sum();
      reports.add(
          new Report(
              used.group(1),
              used.group(2),
              Integer.parseInt(used.group(3)),
              Integer.parseInt(used.group(4)),
              shared));
    }
    return reports;
  }

  /** Threads of a block, by the kernel's name in the README with a type for {@code T}. */
  static Map<String, Integer> threads() throws IOException {
    Map<String, Integer> threads = new TreeMap<>();
    String readme = Files.readString(HOME.resolve("kernels-cu/README.md"));
    for (MatchResult row : ROW.matcher(readme).results().toList()) {
      for (MatchResult block : THREADS.matcher(row.group(2)).results().toList()) {
        int count = Integer.parseInt(block.group(2));
        for (String type : new String[] {"bf16", "f32"}) {
          if (block.group(1) == null || block.group(1).equals(type)) {
            threads.put(row.group(1).replaceFirst("_T(?=_|$)", "_" + type), count);
          }
        }
      }
    }
    return threads;
  }
}
