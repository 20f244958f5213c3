package dev.palimpsest.engine.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** What ptxas reported of the kernels, against the blocks that their README gives. */
final class KernelRegistersTest {
  private static final Path HOME = Path.of(System.getProperty("palimpsest.home", ".."));
  private static final Path REPORT = HOME.resolve("native/target/ptxas.log");
  private static final int REGISTERS = 64 << 10;
  private static final int REGISTER_UNIT = 8;

  private static final Pattern USED =
      Pattern.compile("entry function '(\\w+)' for '\\w+'(?s:.*?)Used (\\d+) registers");

  /** {@code | `swiglu_T` | `parameters` | (rows, y) × 256 | shared |}. */
  private static final Pattern ROW = Pattern.compile("(?m)^\\| `(\\w+)`[^|]*\\|[^|]*\\|([^|]*)\\|");

  private static final Pattern THREADS = Pattern.compile("(?:(bf16|f32): )?\\([^×]*\\) × (\\d+)");

  private static Map<String, Integer> threads() throws IOException {
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

  @Test
  void aBlockOfEveryKernelHasTheRegistersThatItNeeds() throws IOException {
    assumeTrue(Files.exists(REPORT), "without nvcc nobody knows what registers a kernel uses");
    Map<String, Integer> threads = threads();
    for (MatchResult used : USED.matcher(Files.readString(REPORT)).results().toList()) {
      String kernel = used.group(1).replaceFirst("_h\\d+$", "_hD");
      int registers = Math.ceilDiv(Integer.parseInt(used.group(2)), REGISTER_UNIT) * REGISTER_UNIT;
      assertThat(threads).as("blocks in the README").containsKey(kernel);
      assertThat(registers * threads.getOrDefault(kernel, 0))
          .as("registers of a block of %s", used.group(1))
          .isLessThanOrEqualTo(REGISTERS);
    }
  }
}
