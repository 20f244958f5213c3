package dev.palimpsest.app.check;

import dev.palimpsest.app.file.Json;
import dev.palimpsest.app.options.ModelOptions;
import dev.palimpsest.engine.backend.cuda.CudaBackend;
import dev.palimpsest.engine.backend.host.HostBackend;
import dev.palimpsest.engine.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code doctor}: what this machine offers, and why something is not used. */
@Command(
    name = "doctor",
    description = "Says what was found on this machine, and what was not and why.",
    mixinStandardHelpOptions = true)
public final class DoctorCommand implements Callable<Integer> {
  private static final Path CPU_INFO = Path.of("/proc/cpuinfo");
  private static final List<String> TELLING_FLAGS =
      List.of("avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16", "amx_tile");

  @Option(names = "--json", description = "Print one JSON object.")
  private boolean json;

  @Override
  public Integer call() {
    Map<String, Object> findings = new LinkedHashMap<>();
    Runtime runtime = Runtime.getRuntime();
    findings.put("java", Runtime.version() + " (" + System.getProperty("java.home") + ")");
    findings.put("system", System.getProperty("os.name") + " " + System.getProperty("os.arch"));
    findings.put("cpu", cpu());
    findings.put("cores", runtime.availableProcessors());
    findings.put(
        "java heap", String.format(Locale.ROOT, "%.1f GB at most", runtime.maxMemory() / 1e9));
    findings.put("vectors", HostBackend.vectorBits() + " bits");
    findings.put("oneDNN", HostBackend.describeOneDnn());
    findings.put("f32 products", HostBackend.describeProducts());
    findings.put(
        "bf16 products",
        HostBackend.multipliesBf16()
            ? "native, with --dtype bf16"
            : "none: this CPU has neither AVX512-BF16 nor AMX, or oneDNN is missing");
    findings.put("tokenizers", tokenizers());
    findings.put("gpu", gpu());
    findings.put("kernels", CudaBackend.describeKernels());
    findings.put("cuBLASLt", CudaBackend.describeCublas());
    if (json) {
      System.out.println(Json.write(findings));
    } else {
      findings.forEach((name, finding) -> System.out.printf("%-18s %s%n", name, finding));
    }
    return 0;
  }

  private static String cpu() {
    try {
      String name = "unknown";
      String flags = "";
      for (String line : Files.readAllLines(CPU_INFO)) {
        int colon = line.indexOf(':');
        String key = colon < 0 ? "" : line.substring(0, colon).strip();
        switch (key) {
          case "model name" -> name = line.substring(colon + 1).strip();
          case "flags" -> flags = line.substring(colon + 1);
          default -> {}
        }
      }
      Set<String> all = Set.of(flags.strip().split("\\s+"));
      List<String> found = TELLING_FLAGS.stream().filter(all::contains).toList();
      return name + "; " + String.join(" ", found);
    } catch (IOException e) {
      return "unknown (" + CPU_INFO + " cannot be read)";
    }
  }

  private static String tokenizers() {
    Path folder = ModelOptions.bundled();
    try (Tokenizer tokenizer = Tokenizer.open(folder)) {
      return "loaded (" + tokenizer.vocabularySize() + " tokens in " + folder + ")";
    } catch (RuntimeException e) {
      return String.valueOf(e.getMessage());
    }
  }

  private static String gpu() {
    return CudaBackend.failure().map(reason -> "none: " + reason).orElseGet(CudaBackend::device);
  }
}
