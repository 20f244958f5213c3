package dev.palimpsest.app.check;

import dev.palimpsest.app.file.Json;
import dev.palimpsest.app.options.DeviceOptions;
import dev.palimpsest.app.terminal.Cli;
import dev.palimpsest.engine.Compute;
import dev.palimpsest.engine.checkpoint.CheckpointException;
import dev.palimpsest.engine.device.DeviceException;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.engine.model.UnsupportedModelException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code verify}: the engine against what published reference code computed. */
@Command(
    name = "verify",
    description = {
      "Compares the engine with published results.",
      "Runs every case of oracle folders (config.json, model.safetensors, cases.json,"
          + " expected.safetensors) in f32: logits within 1e-5 relative, every state of every"
          + " trajectory equal; and equal to the last bit where the folder's bits.json has the bits"
          + " of the arithmetic. A folder that cannot be read is named"
          + " at the end. Exits with 1 on a mismatch or such a folder."
    },
    mixinStandardHelpOptions = true)
public final class VerifyCommand implements Callable<Integer> {
  @Parameters(paramLabel = "DIR", arity = "1..*", description = "Oracle folders.")
  private List<Path> folders = List.of();

  @Mixin private DeviceOptions device;

  @Option(
      names = "--record-bits",
      description = "Write the folder's bits.json anew instead of comparing with it.")
  private boolean recordBits;

  @Option(names = "--json", description = "Print one JSON object.")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    List<Map<String, Object>> rows = new ArrayList<>();
    int failures = 0;
    Compute compute = device.compute(Optional.of(Precision.F32));
    if (!json) {
      System.out.printf(
          "%-14s %-12s %-10s %-6s %s%n", "folder", "case", "kind", "result", "detail");
    }
    Map<String, String> unreadable = new LinkedHashMap<>();
    for (Path folder : folders) {
      try (OracleFolder oracle = OracleFolder.open(folder, compute, device::notice)) {
        for (OracleFolder.Verdict verdict : recordBits ? oracle.recordBits() : oracle.verify()) {
          failures += verdict.passed() ? 0 : 1;
          String name = folder.toAbsolutePath().normalize().getFileName().toString();
          if (json) {
            rows.add(row(folder, verdict));
          } else {
            System.out.printf(
                "%-14s %-12s %-10s %-6s %s%n",
                name,
                verdict.name(),
                verdict.kind(),
                verdict.passed() ? "ok" : "WRONG",
                verdict.detail());
          }
        }
      } catch (CheckpointException | UnsupportedModelException | DeviceException e) {
        unreadable.put(folder.toString(), String.valueOf(e.getMessage()));
      }
    }
    if (json) {
      System.out.println(
          Json.write(Map.of("failures", failures, "cases", rows, "unreadable", unreadable)));
    }
    unreadable.forEach(
        (folder, why) -> System.err.printf("palimpsest: %s was not verified: %s%n", folder, why));
    return failures == 0 && unreadable.isEmpty() ? 0 : Cli.FAILURE;
  }

  private static Map<String, Object> row(Path folder, OracleFolder.Verdict verdict) {
    Map<String, Object> row = new LinkedHashMap<>();
    row.put("folder", folder.toString());
    row.put("case", verdict.name());
    row.put("kind", verdict.kind());
    row.put("passed", verdict.passed());
    row.put("detail", verdict.detail());
    return row;
  }
}
