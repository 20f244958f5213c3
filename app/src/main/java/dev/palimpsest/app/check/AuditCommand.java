package dev.palimpsest.app.check;

import dev.palimpsest.api.LanguageModel;
import dev.palimpsest.app.file.Json;
import dev.palimpsest.app.file.Replacement;
import dev.palimpsest.app.options.ModelOptions;
import dev.palimpsest.app.options.SamplerOptions;
import dev.palimpsest.app.options.SpecialTokenOptions;
import dev.palimpsest.app.terminal.Cli;
import dev.palimpsest.app.terminal.LateProgress;
import dev.palimpsest.app.trace.TraceOptions;
import dev.palimpsest.engine.Compute;
import dev.palimpsest.engine.Model;
import dev.palimpsest.engine.device.CudaOptions;
import dev.palimpsest.engine.forward.Transformer;
import dev.palimpsest.engine.probe.Hook;
import dev.palimpsest.engine.probe.Point;
import dev.palimpsest.engine.probe.Probe;
import dev.palimpsest.sampler.audit.Audit;
import dev.palimpsest.sampler.audit.Specimen;
import dev.palimpsest.sampler.audit.Verdict;
import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.Snapshot;
import dev.palimpsest.sampler.method.Sampler;
import dev.palimpsest.sampler.method.SamplingOptions;
import dev.palimpsest.sampler.run.Run;
import dev.palimpsest.sampler.run.SamplerRun;
import dev.palimpsest.sampler.trace.Checksum;
import dev.palimpsest.sampler.trace.TraceHeader;
import dev.palimpsest.sampler.trace.TraceWriter;
import dev.palimpsest.step.Denoiser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code audit}: whether a generation keeps what the guarantee says. */
@Command(
    name = "audit",
    description = {
      "Checks that a generation keeps what the guarantee promises.",
      "Generates once, then again in five ways that must come out the same to the last bit: with"
          + " all activations NaN between steps; every step from its canvas alone in a fresh"
          + " process; without any memory of finished tokens; in a batch of many; with a probe that"
          + " reads inside every step. Exits with 1 if one does not. docs/GUARANTEE.md says what this shows, and what it does not."
    },
    mixinStandardHelpOptions = true)
public final class AuditCommand implements Callable<Integer> {
  private static final int COMPANY = 5;

  @Spec private CommandSpec spec;

  @ParentCommand private Cli cli;

  @Parameters(paramLabel = "PROMPT", description = "The prompt.")
  private String prompt;

  @Mixin private ModelOptions modelOptions;

  @Mixin private SamplerOptions samplerOptions;

  @Mixin private SpecialTokenOptions specialTokenOptions;

  @Option(
      names = "--trace",
      paramLabel = "FILE",
      description = "Keep the trace of the generation; a temporary one if not given.")
  private Optional<Path> kept;

  @Option(
      names = "--process-per-step",
      description =
          "A fresh process for every single step, instead of one that takes them backwards.")
  private boolean processPerStep;

  @Option(names = "--json", description = "Print one JSON object.")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    if (kept.isPresent()) {
      Replacement.requireNoInput(spec, "--trace", kept.get(), modelOptions.files());
    }
    Path file = kept.isPresent() ? kept.get() : Files.createTempFile("audit", ".trace.jsonl.zst");
    if (kept.isEmpty()) {
      file.toFile().deleteOnExit(); // also when the program is interrupted
    }
    try {
      return audit(file);
    } finally {
      if (kept.isEmpty()) {
        Files.deleteIfExists(file);
      }
    }
  }

  private int audit(Path file) throws IOException {
    List<Verdict> verdicts = new ArrayList<>();
    Specimen specimen;
    TraceHeader header;
    boolean isStrict;
    Compute compute = modelOptions.compute();
    try (LanguageModel language = modelOptions.load(compute, samplerOptions.blocks());
        LateProgress progress = new LateProgress("Auditing, 1 of 3", 4L * positions(language))) {
      Model model = language.model();
      Denoiser denoiser = progress.counting(model.transformer());
      Run run = run(language, 0);
      header = TraceOptions.header(model, modelOptions, run);
      specimen = Specimen.generate(run, denoiser);
      write(file, header, model, specimen);
      verdicts.add(Audit.uncached(specimen, run(language, 0), denoiser));
      List<Run> company = new ArrayList<>();
      for (int each = 1; each <= COMPANY; each++) {
        company.add(run(language, each));
      }
      verdicts.add(Audit.batched(specimen, run(language, 0), denoiser, company));
      isStrict = run.sampler().options().isStrict();
      if (!isStrict) {
        verdicts.add(recomputedHere(language, specimen));
      } else if (model.transformer().isBatchInvariant()) {
        verdicts.add(probed(language, specimen, progress));
      }
    }
    Compute poisoned =
        new Compute(
            compute.device(),
            compute.precision(),
            compute.threads(),
            new CudaOptions(true, compute.cuda().fastGemm()));
    try (LanguageModel language = modelOptions.load(poisoned, samplerOptions.blocks());
        LateProgress progress = new LateProgress("Auditing, 2 of 3", specimen.steps())) {
      Denoiser denoiser = progress.counting(language.model().transformer());
      verdicts.add(Audit.poisoned(specimen, run(language, 0), denoiser));
    }
    if (isStrict) {
      verdicts.add(recomputed(file, specimen.steps()));
    }
    boolean passed = verdicts.stream().allMatch(Verdict::passed);
    print(header, specimen, verdicts, passed);
    return passed ? 0 : Cli.FAILURE;
  }

  /**
   * Where more than tokens passed, a trace has not what a process would need: it is missing here.
   */
  private Verdict recomputedHere(LanguageModel language, Specimen specimen) {
    Transformer transformer = language.model().transformer();
    Sampler sampler = run(language, 0).sampler();
    return Audit.recomputed(
        specimen,
        (canvas, at) -> SamplerRun.resume(sampler, canvas, at),
        () -> {
          transformer.clearKvCache();
          return transformer;
        });
  }

  /** Looks at every position after every block, and at what attention gives it. */
  private Verdict probed(LanguageModel language, Specimen specimen, LateProgress progress) {
    int blocks = language.model().spec().layers();
    List<Hook> hooks =
        Stream.of(Point.RESID_POST, Point.Z)
            .flatMap(point -> IntStream.range(0, blocks).mapToObj(block -> new Hook(point, block)))
            .toList();
    AtomicInteger seen = new AtomicInteger();
    Probe probe =
        new Probe(
            hooks,
            query -> IntStream.range(0, query.tokens().length).toArray(),
            _ -> seen.incrementAndGet());
    return Audit.probed(
        specimen,
        run(language, 0),
        progress.counting(language.model().transformer().probed(probe)),
        seen::get);
  }

  /** About as many as there will be steps. */
  private int positions(LanguageModel language) {
    Run run = run(language, 0);
    return run.canvas().length() - run.canvas().promptLength();
  }

  /** The run under audit for 0; another prompt's and another seed's for others. */
  private Run run(LanguageModel language, int other) {
    int[] ids = specialTokenOptions.ids(language.model(), prompt);
    SamplingOptions options = samplerOptions.resolve(language, ids.length);
    if (other > 0) {
      options = options.withSeed(options.seed() + other);
      int[] shorter = new int[Math.min(ids.length, Math.max(1, ids.length - other))];
      System.arraycopy(ids, 0, shorter, 0, shorter.length);
      ids = shorter;
    }
    return language.generator().run(ids, options);
  }

  private static void write(Path target, TraceHeader header, Model model, Specimen specimen)
      throws IOException {
    Replacement.write(
        target,
        file -> {
          try (TraceWriter writer =
              TraceWriter.open(file, header, model.tokenizer()::piece, true)) {
            CanvasImage last = header.start();
            for (Snapshot snapshot : specimen.snapshots()) {
              writer.snapshot(snapshot);
              last = snapshot.canvas();
            }
            writer.end(true, last);
          }
        });
  }

  private Verdict recomputed(Path file, int steps) {
    String name = "recomputed_steps";
    List<FreshProcess.Result> results = new ArrayList<>();
    if (processPerStep) {
      try (LateProgress progress = new LateProgress("Auditing, 3 of 3", steps)) {
        for (int step = 0; step < steps; step++) {
          results.add(replay(file, "--only", "--from", String.valueOf(step)));
          progress.step();
        }
      }
    } else {
      results.add(replay(file, "--each"));
    }
    for (FreshProcess.Result result : results) {
      if (result.code() != 0) {
        String what = result.out().isEmpty() ? "the process failed" : result.out();
        return new Verdict(name, false, steps, what.lines().reduce((_, last) -> last).orElse(what));
      }
    }
    return new Verdict(
        name,
        true,
        steps,
        processPerStep
            ? "each step was taken from its canvas alone, in %d processes".formatted(steps)
            : "each step was taken from its canvas alone, the last one first, in process %d"
                .formatted(results.getFirst().id()));
  }

  private FreshProcess.Result replay(Path file, String... how) {
    List<String> arguments = new ArrayList<>(List.of("replay", file.toString()));
    arguments.addAll(List.of(how));
    arguments.addAll(modelOptions.arguments());
    return FreshProcess.run(cli.getClass(), arguments);
  }

  private void print(
      TraceHeader header, Specimen specimen, List<Verdict> verdicts, boolean passed) {
    if (json) {
      Map<String, Object> report = new LinkedHashMap<>();
      report.put("passed", passed);
      report.put("engine", header.engine());
      report.put("model", header.model());
      report.put("machine", header.machine());
      report.put("sampler", header.sampler());
      report.put("options", header.options());
      report.put("prompt", prompt);
      report.put("steps", specimen.steps());
      report.put("canvas_sha256", Checksum.of(specimen.last()));
      report.put("checks", verdicts);
      System.out.println(Json.write(report));
      return;
    }
    for (Verdict verdict : verdicts) {
      System.out.printf(
          Locale.ROOT,
          "%-22s %-5s %4d steps  %s%n",
          verdict.check(),
          verdict.passed() ? "ok" : "WRONG",
          verdict.steps(),
          verdict.evidence());
    }
    System.out.println(passed ? "passed" : "FAILED");
  }
}
