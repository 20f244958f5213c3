package dev.palimpsest.app.batch;

import dev.palimpsest.api.LanguageModel;
import dev.palimpsest.app.openai.Reply;
import dev.palimpsest.app.openai.RequestException;
import dev.palimpsest.app.options.ModelOptions;
import dev.palimpsest.app.terminal.Cli;
import dev.palimpsest.app.trace.TraceFolder;
import dev.palimpsest.sampler.canvas.SnapshotListener;
import dev.palimpsest.sampler.method.InvalidOptionException;
import dev.palimpsest.sampler.run.Driver;
import dev.palimpsest.sampler.run.Generation;
import dev.palimpsest.sampler.run.Generator;
import dev.palimpsest.sampler.run.Run;
import dev.palimpsest.step.AttentionPattern;
import dev.palimpsest.step.Denoiser;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;

/**
 * The rows' way through a driver to their results.
 *
 * @param denoiser the model, as its traces need it
 * @param options of the command line, for rows that have none of their own
 * @param takesOpenAi whether a result can be what OpenAI's batch form asks for
 */
record Work(
    LanguageModel language,
    Denoiser denoiser,
    ModelOptions modelOptions,
    Map<String, Object> options,
    TraceFolder traces,
    ResultForm form,
    boolean takesOpenAi,
    Results results,
    AtOnce atOnce,
    Summary summary,
    Runnable progress) {

  private static final String SEED = "seed";

  /** The rows, as a driver takes them. */
  Admission admission(Prefetch rows) {
    boolean caches = !(language.limits().pattern() instanceof AttentionPattern.Full);
    Generator generator = language.generator(denoiser);
    return new Admission(rows, results, atOnce, row -> ask(generator, row), caches);
  }

  /** Takes all rows to their ends, or those under way no further if it is stopped. */
  void run(Admission admission, long maxTokens) throws IOException {
    new Driver(denoiser, maxTokens)
        .run(
            admission,
            admission,
            new Driver.CompletionListener<Admission.Joining, IOException>() {
              @Override
              public void ended(Admission.Joining row, Generation generation) throws IOException {
                atOnce.ended();
                if (generation.complete()) {
                  row.recording().end(generation);
                  Optional<Answer.Result> result = row.answer().ended(row.text(), generation);
                  if (result.isPresent()) {
                    add(result.get());
                  }
                }
              }

              @Override
              public void failed(Admission.Joining row, RuntimeException failure)
                  throws IOException {
                atOnce.ended();
                row.recording().abandon();
                add(row.answer().failed(failure));
              }
            });
    boolean _ = Thread.interrupted(); // how it was stopped
  }

  private void add(Answer.Result result) throws IOException {
    if (!results.has(result.row())) { // of several texts, more than one may fail
      results.add(result.row(), result.line());
      summary.add(result);
      progress.run();
    }
  }

  private List<Admission.Joining> ask(Generator generator, Row row) throws IOException {
    return switch (row) {
      case Row.Asked asked -> ask(generator, asked);
      case Row.OpenAi asked when takesOpenAi -> ask(generator, asked);
      case Row.OpenAi asked ->
          refused(asked, "OpenAI's batch form is answered in JSONL: name a .jsonl for OUT");
      case Row.Bad bad -> refused(bad, bad.error());
    };
  }

  private List<Admission.Joining> refused(Row row, String why) throws IOException {
    add(new OwnAnswer(language, form, row.number(), row.id(), seed(row.number())).failed(why));
    return List.of();
  }

  private List<Admission.Joining> ask(Generator generator, Row.Asked row) throws IOException {
    long seed =
        row.options().get(SEED) instanceof Number own ? own.longValue() : seed(row.number());
    OwnAnswer answer = new OwnAnswer(language, form, row.number(), row.id(), seed);
    try {
      Run run = run(generator, language.ids(row.prompt()), seed, row.options());
      return List.of(joining(answer, 0, row.id(), run));
    } catch (InvalidOptionException e) {
      add(answer.failed(e.message(UnaryOperator.identity())));
      return List.of();
    }
  }

  private List<Admission.Joining> ask(Generator generator, Row.OpenAi row) throws IOException {
    try {
      OpenAiRow asked = OpenAiRow.read(row, language);
      OpenAiAnswer answer = answer(asked);
      List<Run> runs = new ArrayList<>();
      for (OpenAiRow.Text text : asked.texts()) {
        try {
          Map<String, Object> own = new LinkedHashMap<>(text.parameters().options(0));
          long first =
              own.remove(SEED) instanceof Number seed ? seed.longValue() : seed(row.number());
          runs.add(run(generator, text.prompt(), first + text.index(), own));
        } catch (InvalidOptionException e) {
          throw text.parameters().refused(e);
        }
      }
      List<Admission.Joining> all = new ArrayList<>();
      for (Run run : runs) {
        String id = runs.size() == 1 ? row.id() : row.id() + "-" + all.size();
        all.add(joining(answer, all.size(), id, run));
      }
      return all;
    } catch (RequestException e) {
      add(answer(OpenAiRow.unread(row)).failed(e));
      return List.of();
    }
  }

  private OpenAiAnswer answer(OpenAiRow row) {
    return new OpenAiAnswer(
        language,
        row,
        new Reply(
            row.form(),
            row.form().prefix() + OpenAiAnswer.PREFIX + row.number(),
            form.timings() ? Instant.now().getEpochSecond() : 0,
            modelOptions.folder().toAbsolutePath().normalize().getFileName().toString(),
            "palimpsest-" + Cli.VERSION + "-" + language.model().transformer().arithmetic()));
  }

  /** The seed of a row that has none of its own. */
  private long seed(long row) {
    return (options.get(SEED) instanceof Long first ? first : 0) + row;
  }

  private Run run(Generator generator, int[] prompt, long seed, Map<String, Object> own) {
    Map<String, Object> given = new LinkedHashMap<>(options);
    given.put(SEED, seed);
    given.putAll(own);
    return generator.run(prompt, language.options(given, prompt.length));
  }

  private Admission.Joining joining(Answer answer, int text, String id, Run run) {
    TraceFolder.Recording recording = traces.begin(language.model(), modelOptions, id, run);
    SnapshotListener listener =
        snapshot -> {
          atOnce.filled(snapshot.commits().size());
          recording.snapshot(snapshot);
        };
    return new Admission.Joining(answer, text, run, recording, listener);
  }
}
