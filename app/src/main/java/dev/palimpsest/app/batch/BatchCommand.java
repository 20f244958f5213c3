package dev.palimpsest.app.batch;

import dev.palimpsest.api.LanguageModel;
import dev.palimpsest.app.file.Journal;
import dev.palimpsest.app.file.Json;
import dev.palimpsest.app.file.Replacement;
import dev.palimpsest.app.options.BatchTokens;
import dev.palimpsest.app.options.ModelOptions;
import dev.palimpsest.app.options.SamplerOptions;
import dev.palimpsest.app.options.SpecialTokenOptions;
import dev.palimpsest.app.provenance.ModelFiles;
import dev.palimpsest.app.terminal.Cli;
import dev.palimpsest.app.terminal.Interruption;
import dev.palimpsest.app.terminal.Notices;
import dev.palimpsest.app.terminal.ProgressBars;
import dev.palimpsest.app.trace.TraceFolder;
import dev.palimpsest.engine.checkpoint.CheckpointException;
import dev.palimpsest.sampler.trace.TraceHeader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import me.tongfei.progressbar.ProgressBar;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code batch}: a text for every row of a file. */
@Command(
    name = "batch",
    description = {
      "Writes a text for every row of a file.",
      "A row of JSONL has an \"id\" if it likes, one of \"prompt\", \"messages\" and"
          + " \"prompt_ids\", and \"options\" of its own under their reference names; or it is of"
          + " OpenAI's batch form, and is answered in it. A Parquet or CSV file has these as columns,"
          + " and a column for an option. A result has the id, the text, its tokens, why it ends,"
          + " its cost and its seed, or an error: a row that is wrong stops no other.",
      "Whoever was interrupted or killed goes on with the same command: OUT.resume says what OUT"
          + " depends on, and nothing that is finished is lost or written again. Ctrl-C finishes"
          + " the step."
    },
    mixinStandardHelpOptions = true)
public final class BatchCommand implements Callable<Integer> {
  private static final String STANDARD_OUTPUT = "-";
  private static final String AUTO = "auto";

  @Spec private CommandSpec spec;

  @Mixin private ModelOptions modelOptions;

  @Mixin private SamplerOptions samplerOptions;

  @Mixin private SpecialTokenOptions specialTokenOptions;

  @Parameters(
      index = "0",
      paramLabel = "IN",
      description = "The rows: .jsonl, .ndjson, .csv or .parquet; - is JSONL on standard input.")
  private String in;

  @Parameters(
      index = "1",
      paramLabel = "OUT",
      description = "The results: .jsonl or .parquet; - is JSONL on standard output.")
  private String out;

  @Option(
      names = "--order",
      paramLabel = "ORDER",
      defaultValue = "input",
      description =
          "input: results in the order of the rows. done: as they are finished, each with the"
              + " number of its row, from 0 (default: ${DEFAULT-VALUE}).")
  private Order order;

  @Option(
      names = "--at-once",
      paramLabel = "N",
      defaultValue = AUTO,
      description =
          "Rows that run at once; changes no result. auto finds the number beyond which the speed"
              + " does not grow (default: ${DEFAULT-VALUE}).")
  private String atOnce;

  @Option(
      names = "--batch-tokens",
      paramLabel = "N",
      description =
          "Most tokens of a forward, prompts and texts of all rows together; as many as a quarter"
              + " of the memory and the KV cache hold if not given.")
  private Optional<Long> batchTokens;

  @Option(
      names = "--id-column",
      paramLabel = "NAME",
      defaultValue = "id",
      description = "The field or column with the id (default: ${DEFAULT-VALUE}).")
  private String idColumn;

  @Option(
      names = "--prompt-column",
      paramLabel = "NAME",
      defaultValue = "prompt",
      description = "The field or column with the prompt (default: ${DEFAULT-VALUE}).")
  private String promptColumn;

  @Option(
      names = "--timings",
      negatable = true,
      defaultValue = "true",
      fallbackValue = "true",
      description =
          "Say in every result how long it took; without it, the same work gives the same bytes.")
  private boolean timings;

  @Mixin private TraceFolder traces;

  @Option(names = "--json", description = "Print the summary as one JSON object.")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    OptionalInt fixed = fixedAtOnce();
    requireKinds();
    Input input = Input.of(in);
    boolean toStream = out.equals(STANDARD_OUTPUT);
    if (toStream && json) {
      throw wrong("--json prints on standard output, which has the results: name a file for OUT");
    }
    Path file = Path.of(out);
    if (!toStream) {
      requireNew(input, file);
    }
    traces.prepare();
    try (LanguageModel language = modelOptions.load(samplerOptions.blocks())) {
      Map<String, Object> options = samplerOptions.given();
      language.limits().requireFit(language.options(options, 0));
      ResultForm form = new ResultForm(order, timings);
      if (toStream) {
        run(language, options, input, form, fixed, Output.to(System.out, order));
        return 0;
      }
      Map<String, Object> facts = facts(language, options, input);
      if (Output.isFinished(file, facts)) {
        Notices.say(file + " has every result already");
        return 0;
      }
      try (Output output = Output.open(file, form, facts)) {
        run(language, options, input, form, fixed, output);
      }
    }
    return 0;
  }

  private OptionalInt fixedAtOnce() {
    if (atOnce.equals(AUTO)) {
      return OptionalInt.empty();
    }
    try {
      int number = Integer.parseInt(atOnce);
      if (number > 0) {
        return OptionalInt.of(number);
      }
    } catch (NumberFormatException e) {
      // said below
    }
    throw wrong("--at-once " + atOnce + " is invalid: use 1 or above, or auto");
  }

  private void requireKinds() {
    if (batchTokens.isPresent() && batchTokens.get() < 1) {
      throw wrong("--batch-tokens " + batchTokens.get() + " is invalid: use 1 or above");
    }
    if (!Input.isKnown(in)) {
      throw wrong("IN " + in + " has an unknown kind: use .jsonl, .ndjson, .csv, .parquet or -");
    }
    if (!out.equals(STANDARD_OUTPUT)
        && !Output.isParquet(Path.of(out))
        && !out.toLowerCase(Locale.ROOT).endsWith(".jsonl")) {
      throw wrong("OUT " + out + " has an unknown kind: use .jsonl, .parquet or -");
    }
  }

  private void requireNew(Input input, Path file) throws IOException {
    List<Path> inputs = new ArrayList<>(modelOptions.files());
    input.file().ifPresent(inputs::add);
    Replacement.requireNoInput(spec, "OUT", file, inputs);
    if (input.file().isEmpty() && Files.exists(ResumeFile.of(file))) {
      throw new CheckpointException(
          file
              + ": it holds results already, and rows from standard input cannot be told from those"
              + " that it is of: use another name.");
    }
  }

  private ParameterException wrong(String what) {
    return new ParameterException(spec.commandLine(), what);
  }

  /** What the results depend on. */
  private Map<String, Object> facts(
      LanguageModel language, Map<String, Object> options, Input input) throws IOException {
    TraceHeader.ModelIdentity identity = ModelFiles.identity(modelOptions.folder());
    Map<String, Object> facts = new LinkedHashMap<>();
    facts.put(Journal.COMMAND, "batch");
    facts.put("engine", Cli.VERSION);
    facts.put("model", identity.sha256());
    facts.put("tokenizer", identity.tokenizerSha256());
    facts.put("arithmetic", language.model().transformer().arithmetic());
    facts.put("options", options);
    facts.put("parse_special", specialTokenOptions.parsesSpecial());
    facts.put("input", input.identity());
    facts.put("id_column", idColumn);
    facts.put("prompt_column", promptColumn);
    facts.put("order", order.name().toLowerCase(Locale.ROOT));
    facts.put("timings", timings);
    return facts;
  }

  private void run(
      LanguageModel language,
      Map<String, Object> options,
      Input input,
      ResultForm form,
      OptionalInt fixed,
      Output output)
      throws IOException {
    AtOnce rowsAtOnce = new AtOnce(fixed, System::nanoTime, BatchCommand::tellOfChoice);
    Summary summary = new Summary(output.results().size());
    CountDownLatch over = new CountDownLatch(1);
    Rows all =
        new TokenRows(
            input.open(new RowForm(idColumn, promptColumn)), language.model(), specialTokenOptions);
    try (Prefetch rows = new Prefetch(all, input.file().isEmpty());
        ProgressBar bar = ProgressBars.start("Writing", input.rows(), summary.there())) {
      Work work =
          new Work(
              language,
              traces.denoiser(language.model()),
              modelOptions,
              options,
              traces,
              form,
              !Output.isParquet(Path.of(out)),
              output.results(),
              rowsAtOnce,
              summary,
              () -> bar.step().setExtraMessage(summary.speed()));
      Admission admission = work.admission(rows);
      long maxTokens =
          batchTokens.orElseGet(
              () -> BatchTokens.of(language.model().spec(), language.model().transformer()));
      try (Interruption _ =
          Interruption.then(() -> interrupted(admission, over, summary, rowsAtOnce))) {
        try {
          work.run(admission, maxTokens);
          if (!admission.isStopped()) {
            output.finish();
          }
        } finally {
          over.countDown();
        }
      }
    }
    print(summary, rowsAtOnce);
  }

  private static void tellOfChoice(int number, double tokensPerSecond) {
    Notices.say(
        String.format(Locale.ROOT, "%d rows at once, at %.0f tokens/s", number, tokensPerSecond));
  }

  private void interrupted(
      Admission admission, CountDownLatch over, Summary summary, AtOnce rowsAtOnce) {
    admission.stop();
    try {
      over.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    System.err.println();
    print(summary, rowsAtOnce);
    System.err.println(
        out.equals(STANDARD_OUTPUT) || in.equals("-")
            ? "palimpsest: interrupted; rows that were not finished are lost"
            : "palimpsest: interrupted; %d rows are finished and kept, and the same command goes on"
                .formatted(summary.there()));
  }

  private void print(Summary summary, AtOnce rowsAtOnce) {
    summary.complaint().ifPresent(what -> System.err.println("palimpsest: " + what));
    if (json) {
      System.out.println(Json.write(summary.json(rowsAtOnce.getAsInt())));
    } else if (out.equals(STANDARD_OUTPUT)) {
      Notices.say(summary.text(rowsAtOnce.getAsInt()).strip());
    } else {
      System.out.print(summary.text(rowsAtOnce.getAsInt()));
    }
  }
}
