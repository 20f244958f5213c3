package dev.palimpsest.app.batch;

import dev.palimpsest.api.LanguageModel;
import dev.palimpsest.app.options.ModelOptions;
import dev.palimpsest.app.options.SpecialTokenOptions;
import dev.palimpsest.app.trace.TraceFolder;
import dev.palimpsest.engine.Model;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.sampler.canvas.SnapshotListener;
import dev.palimpsest.sampler.run.Driver;
import dev.palimpsest.sampler.run.Generation;
import dev.palimpsest.sampler.run.Generator;
import dev.palimpsest.sampler.run.Request;
import dev.palimpsest.step.Denoiser;
import dev.palimpsest.step.Prediction;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/**
 * What a row costs beside its forwards: rows with a scripted model through {@code batch}, from the
 * file to the file, and in turns through a bare driver, which has them in memory. {@code
 * docs/benchmarks/batch.py} runs it.
 */
final class RowOverhead {
  private static final int ROWS = 20_000;
  private static final int AT_ONCE = 64;
  private static final int TURNS = 7;
  private static final Map<String, Object> OPTIONS = Map.of("gen_length", 24, "steps", 4);
  private static final Prediction DIGIT = new Prediction(8, 0.9, 8, 0.9, 0.1, 0, 0.3);

  private final Denoiser denoiser =
      queries ->
          queries.stream().map(query -> Collections.nCopies(query.rows().length, DIGIT)).toList();
  private final LanguageModel language;
  private final Asked asked;
  private final Path in;
  private final Path folder;

  private RowOverhead(LanguageModel language, Asked asked, Path in, Path folder) {
    this.language = language;
    this.asked = asked;
    this.in = in;
    this.folder = folder;
  }

  /** The options of {@code batch} without any given. */
  @Command
  static final class Asked {
    @Mixin private ModelOptions model;
    @Mixin private SpecialTokenOptions specialTokens;
    @Mixin private TraceFolder traces;
  }

  public static void main(String[] arguments) throws IOException {
    Asked asked = new Asked();
    new CommandLine(asked).parseArgs();
    Path folder = Files.createTempDirectory("row-overhead");
    Path in = folder.resolve("in.jsonl");
    StringBuilder lines = new StringBuilder();
    for (int row = 0; row < ROWS; row++) {
      lines.append(
          "{\"id\":%d,\"prompt\":\"Omar has %d beads. First he buys 4 more. How many beads now?\"}%n"
              .formatted(row, row % 50));
    }
    Files.writeString(in, lines);
    try (LanguageModel language =
        LanguageModel.of(Model.load(asked.model.folder(), Precision.F32, 1, _ -> {}))) {
      new RowOverhead(language, asked, in, folder).measure();
    }
  }

  private void measure() throws IOException {
    List<int[]> prompts = new ArrayList<>();
    for (String text : Files.readAllLines(in)) {
      prompts.add(language.model().prompt(text.substring(text.indexOf("Omar"), text.length() - 2)));
    }
    double least = Double.MAX_VALUE;
    System.out.printf(
        "%d rows, %d at once; microseconds of the driver's thread a row%n", ROWS, AT_ONCE);
    System.out.println("  batch  driver  difference");
    for (int turn = 0; turn < TURNS; turn++) {
      double batch = batch(folder.resolve("out-" + turn + ".jsonl"));
      double driver = driver(prompts);
      System.out.printf("%7.1f %7.1f %11.1f%n", batch, driver, batch - driver);
      least = Math.min(least, batch - driver);
    }
    System.out.printf("least difference: %.1f%n", least);
  }

  private double batch(Path out) throws IOException {
    ResultForm form = new ResultForm(Order.INPUT, true);
    AtOnce atOnce = new AtOnce(OptionalInt.of(AT_ONCE), System::nanoTime, (_, _) -> {});
    long started = cpuNanos();
    try (Output output = Output.open(out, form, Map.of("command", "batch"));
        Prefetch rows =
            new Prefetch(
                new TokenRows(
                    new Input(Optional.of(in)).open(new RowForm("id", "prompt")),
                    language.model(),
                    asked.specialTokens),
                false)) {
      Work work =
          new Work(
              language,
              denoiser,
              asked.model,
              OPTIONS,
              asked.traces,
              form,
              true,
              output.results(),
              atOnce,
              new Summary(0),
              () -> {});
      work.run(work.admission(rows), Driver.UNLIMITED);
      if (output.results().size() != ROWS) {
        throw new IllegalStateException(output.results().size() + " rows");
      }
    }
    return micros(started);
  }

  private double driver(List<int[]> prompts) {
    Generator generator = language.generator(denoiser);
    long started = cpuNanos();
    new Driver(denoiser)
        .run(
            prompts.stream()
                .map(
                    prompt ->
                        generator.request(
                            prompt,
                            language.options(OPTIONS, prompt.length),
                            SnapshotListener.NONE))
                .iterator(),
            AT_ONCE,
            (Request _, Generation _) -> {});
    return micros(started);
  }

  private static double micros(long started) {
    return (cpuNanos() - started) / 1e3 / ROWS;
  }

  /** The driver's thread alone: rows are read on another, beside the forwards. */
  private static long cpuNanos() {
    return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
  }
}
