package dev.palimpsest.app.score;

import dev.palimpsest.app.file.DuckDb;
import dev.palimpsest.app.file.Json;
import dev.palimpsest.app.file.Replacement;
import dev.palimpsest.app.options.BatchTokens;
import dev.palimpsest.app.options.ModelOptions;
import dev.palimpsest.app.options.SpecialTokenOptions;
import dev.palimpsest.app.terminal.Interruption;
import dev.palimpsest.app.terminal.LateProgress;
import dev.palimpsest.app.terminal.Notices;
import dev.palimpsest.sampler.likelihood.Chain;
import dev.palimpsest.sampler.likelihood.CoupledMasks;
import dev.palimpsest.sampler.likelihood.Estimator;
import dev.palimpsest.sampler.likelihood.Exact;
import dev.palimpsest.sampler.likelihood.ExactBound;
import dev.palimpsest.sampler.likelihood.MonteCarloBound;
import dev.palimpsest.step.AttentionPattern;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code score}: the likelihood of given texts. */
@Command(
    name = "score",
    description = {
      "Says how probable a model finds given texts.",
      "A row has an \"id\" if it likes, \"prompt\" or \"prompt_ids\", and \"completion\" or"
          + " \"completion_ids\", whose likelihood behind the prompt is wanted; other fields are not"
          + " read. A result has the id, \"logprob\" in nats, its \"standard_error\" where it is"
          + " estimated, the number of \"tokens\", each one's part in \"token_logprobs\" and, of a"
          + " model with masks, their \"full_mask_logprobs\"; or an error: a row that is wrong stops"
          + " no other. The summary has the perplexity of all rows.",
      "A row's numbers depend on its ids, the seed and the samples alone, not on other rows."
    },
    mixinStandardHelpOptions = true)
public final class ScoreCommand implements Callable<Integer> {
  /** Tokens of a forward beyond which a larger one is no faster. */
  private static final long MOST_TOKENS = 8192;

  private static final int MOST_SAMPLES = 1 << 16;

  @Spec private CommandSpec spec;

  @Mixin private ModelOptions modelOptions;

  @Mixin private SpecialTokenOptions specialTokenOptions;

  @Parameters(
      paramLabel = "FILE",
      description = "The texts: .jsonl, .ndjson or .parquet; - or a pipe is JSONL.")
  private String in;

  @Option(
      names = "--method",
      paramLabel = "METHOD",
      description =
          "exact: the model's own factorisation, of causal and block-diffusion models. chain: from"
              + " left to right, a forward a token. elbo_mc: LLaDA's bound by samples. elbo_exact:"
              + " the same bound by all sets of masks, for up to 12 tokens. coupled: the bound by"
              + " pairs of complementary masks. If not given, exact for a causal model and elbo_mc"
              + " for others.")
  private Optional<Method> method;

  @Option(
      names = "--samples",
      paramLabel = "N",
      description = "Samples of elbo_mc, or pairs of coupled; 128 if not given.")
  private Optional<Integer> samples;

  @Option(names = "--seed", paramLabel = "N", description = "Seed of their masks; 0 if not given.")
  private Optional<Long> seed;

  @Option(
      names = "--out",
      paramLabel = "FILE",
      description =
          "Write the results to FILE, .jsonl or .parquet, when all are there; to standard output as"
              + " JSONL if not given.")
  private Optional<Path> out;

  @Option(
      names = "--json",
      description =
          "Print the summary as one JSON object: on standard output with --out, else on standard"
              + " error.")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    requireKinds();
    ScoreRows.requireReadable(in);
    if (out.isPresent()) {
      List<Path> inputs = new ArrayList<>(modelOptions.files());
      if (!in.equals(ScoreRows.STANDARD_INPUT)) {
        inputs.add(Path.of(in));
      }
      Replacement.requireNoInput(spec, "--out", out.get(), inputs);
    }
    try (ScoringModel model = ScoringModel.load(modelOptions)) {
      AttentionPattern pattern = model.limits().pattern();
      Method chosen =
          method.orElse(pattern instanceof AttentionPattern.Causal ? Method.EXACT : Method.ELBO_MC);
      Estimator estimator = estimator(chosen);
      estimator.requireFit(model.limits());
      ScoreSummary summary = new ScoreSummary(described(chosen, estimator.name(pattern)));
      try (Interruption _ = Interruption.then(this::interrupted)) {
        if (out.isEmpty()) {
          score(model, estimator, summary, System.out);
        } else {
          write(model, estimator, summary, out.get());
        }
      }
      print(summary);
    }
    return 0;
  }

  private void requireKinds() {
    if (!ScoreRows.isKnown(in)) {
      throw wrong("FILE " + in + " has an unknown kind: use .jsonl, .ndjson, .parquet or -");
    }
    if (out.isPresent() && !isParquet(out.get()) && !out.get().toString().endsWith(".jsonl")) {
      throw wrong("--out " + out.get() + " has an unknown kind: use .jsonl or .parquet");
    }
    if (samples.isPresent() && (samples.get() < 1 || samples.get() > MOST_SAMPLES)) {
      throw wrong("--samples %d is invalid: use 1 to %,d".formatted(samples.get(), MOST_SAMPLES));
    }
    method.ifPresent(this::requireDrawn);
  }

  private void requireDrawn(Method chosen) {
    if (!chosen.draws() && (samples.isPresent() || seed.isPresent())) {
      throw wrong(
          "%s is of no use to the method %s, which draws nothing: use it with elbo_mc or coupled"
              .formatted(
                  samples.isPresent() ? "--samples " + samples.get() : "--seed " + seed.get(),
                  chosen.name().toLowerCase(Locale.ROOT)));
    }
  }

  private ParameterException wrong(String what) {
    return new ParameterException(spec.commandLine(), what);
  }

  private static boolean isParquet(Path file) {
    return file.toString().toLowerCase(Locale.ROOT).endsWith(".parquet");
  }

  private Estimator estimator(Method chosen) {
    requireDrawn(chosen);
    int drawn = samples.orElse(MonteCarloBound.DEFAULT_SAMPLES);
    return switch (chosen) {
      case CHAIN -> new Chain();
      case ELBO_MC -> new MonteCarloBound(drawn, seed.orElse(0L));
      case ELBO_EXACT -> new ExactBound();
      case COUPLED -> new CoupledMasks(drawn, seed.orElse(0L));
      case EXACT -> new Exact();
    };
  }

  private Map<String, Object> described(Method chosen, String name) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("method", name);
    if (chosen.draws()) {
      fields.put("samples", samples.orElse(MonteCarloBound.DEFAULT_SAMPLES));
      fields.put("seed", seed.orElse(0L));
    }
    return fields;
  }

  private void write(ScoringModel model, Estimator estimator, ScoreSummary summary, Path file)
      throws IOException {
    Replacement.write(
        file,
        target -> {
          if (!isParquet(file)) {
            scoreTo(target, model, estimator, summary);
            return;
          }
          Path lines = target.resolveSibling(target.getFileName() + ".jsonl");
          lines.toFile().deleteOnExit();
          try {
            scoreTo(lines, model, estimator, summary);
            DuckDb.writeParquet(lines, ScoreResult.COLUMNS, target, file);
          } finally {
            Files.deleteIfExists(lines);
          }
        });
  }

  private void scoreTo(Path file, ScoringModel model, Estimator estimator, ScoreSummary summary)
      throws IOException {
    try (OutputStream lines = new BufferedOutputStream(Files.newOutputStream(file))) {
      score(model, estimator, summary, lines);
    }
  }

  private void score(
      ScoringModel model, Estimator estimator, ScoreSummary summary, OutputStream lines)
      throws IOException {
    long maxTokens = Math.min(MOST_TOKENS, BatchTokens.of(model.spec(), model.transformer()));
    ScoreForm form = new ScoreForm(model.words(), specialTokenOptions);
    try (LateProgress progress = new LateProgress("Scoring", ScoreRows.count(in));
        ScoreRows rows = ScoreRows.open(in, form)) {
      new Scorer(
              model.generator(),
              model.transformer(),
              estimator,
              maxTokens,
              new Scorer.Results() {
                @Override
                public void ran() {
                  summary.ran();
                  progress.say(ScoreSummary.counted(summary.forwards(), "forward"));
                }

                @Override
                public void add(ScoreResult result) throws IOException {
                  summary.add(result);
                  lines.write((result.line() + "\n").getBytes(StandardCharsets.UTF_8));
                  progress.step();
                }
              })
          .run(rows);
    }
    lines.flush();
  }

  private void interrupted() {
    System.err.println(
        out.isPresent()
            ? "palimpsest: interrupted; " + out.get() + " is not written"
            : "palimpsest: interrupted; rows that were not finished are lost");
  }

  private void print(ScoreSummary summary) {
    summary.complaint().ifPresent(what -> System.err.println("palimpsest: " + what));
    if (!json) {
      if (out.isPresent()) {
        System.out.println(summary.text());
      } else {
        summary.text().lines().forEach(Notices::say);
      }
    } else if (out.isPresent()) {
      System.out.println(Json.write(summary.json()));
    } else {
      System.err.println(Json.write(summary.json()));
    }
  }
}
