package dev.palimpsest.app.batch;

import dev.palimpsest.api.Completion;
import dev.palimpsest.api.LanguageModel;
import dev.palimpsest.api.Prompt;
import dev.palimpsest.app.options.ModelOptions;
import dev.palimpsest.app.options.SpecialTokenOptions;
import dev.palimpsest.app.trace.TraceFolder;
import dev.palimpsest.engine.checkpoint.CheckpointException;
import dev.palimpsest.engine.text.Conversation;
import dev.palimpsest.sampler.canvas.SnapshotListener;
import dev.palimpsest.sampler.method.InvalidOptionException;
import dev.palimpsest.sampler.method.SamplingOptions;
import dev.palimpsest.sampler.run.Driver;
import dev.palimpsest.sampler.run.Generation;
import dev.palimpsest.sampler.run.Generator;
import dev.palimpsest.sampler.run.Run;
import dev.palimpsest.step.AttentionPattern;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;

/**
 * The rows' way through a driver to their results.
 *
 * @param options of the command line, for rows that have none of their own
 */
record Work(
    LanguageModel language,
    ModelOptions modelOptions,
    SpecialTokenOptions specialTokens,
    Map<String, Object> options,
    TraceFolder traces,
    ResultForm form,
    Results results,
    AtOnce atOnce,
    Summary summary,
    Runnable progress) {

  private static final String SEED = "seed";

  /** The rows, as a driver takes them. */
  Admission admission(Prefetch rows) {
    boolean caches = !(language.limits().pattern() instanceof AttentionPattern.Full);
    Generator generator = language.generator(traces.denoiser(language.model()));
    return new Admission(rows, results, atOnce, row -> ask(generator, row), caches);
  }

  /** Takes all rows to their ends, or those under way no further if it is stopped. */
  void run(Admission admission, long maxTokens) throws IOException {
    new Driver(traces.denoiser(language.model()), maxTokens)
        .run(
            admission,
            admission,
            new Driver.CompletionListener<Admission.Joining, IOException>() {
              @Override
              public void ended(Admission.Joining row, Generation generation) throws IOException {
                atOnce.ended();
                if (generation.complete()) {
                  row.recording().end(generation);
                  add(row.number(), Completion.of(row.id(), language.text(generation), row.seed()));
                }
              }

              @Override
              public void failed(Admission.Joining row, RuntimeException failure)
                  throws IOException {
                atOnce.ended();
                add(
                    row.number(),
                    Completion.failed(row.id(), row.seed(), String.valueOf(failure.getMessage())));
              }
            });
    boolean _ = Thread.interrupted(); // how it was stopped
  }

  private void add(long row, Completion completion) throws IOException {
    results.add(row, form.line(row, completion));
    summary.add(completion);
    progress.run();
  }

  private Optional<Admission.Joining> ask(Generator generator, Row row) throws IOException {
    long seed = seed(row);
    try {
      return switch (row) {
        case Row.Asked asked -> Optional.of(join(generator, asked, seed));
        case Row.Bad bad -> {
          add(bad.number(), Completion.failed(bad.id(), seed, bad.error()));
          yield Optional.empty();
        }
      };
    } catch (InvalidOptionException e) {
      add(row.number(), Completion.failed(row.id(), seed, e.message(UnaryOperator.identity())));
    } catch (CheckpointException e) {
      add(row.number(), Completion.failed(row.id(), seed, String.valueOf(e.getMessage())));
    }
    return Optional.empty();
  }

  /** A row's own seed; else that of the command line and its number. */
  private long seed(Row row) {
    if (row instanceof Row.Asked asked && asked.options().get(SEED) instanceof Number own) {
      return own.longValue();
    }
    return (options.get(SEED) instanceof Long first ? first : 0) + row.number();
  }

  private Admission.Joining join(Generator generator, Row.Asked row, long seed) {
    int[] prompt = ids(row.prompt());
    Map<String, Object> given = new LinkedHashMap<>(options);
    given.put(SEED, seed);
    given.putAll(row.options());
    SamplingOptions complete = language.options(given, prompt.length);
    Run run = generator.run(prompt, complete);
    TraceFolder.Recording recording = traces.begin(language.model(), modelOptions, row.id(), run);
    SnapshotListener listener =
        snapshot -> {
          atOnce.filled(snapshot.commits().size());
          recording.snapshot(snapshot);
        };
    return new Admission.Joining(row.number(), row.id(), seed, run, recording, listener);
  }

  private int[] ids(Prompt prompt) {
    return switch (prompt) {
      case Prompt.Text(String text) -> specialTokens.ids(language.model(), text);
      case Prompt.Chat(Conversation conversation) ->
          specialTokens.ids(language.model(), conversation);
      case Prompt.Ids ids -> ids.ids();
    };
  }
}
