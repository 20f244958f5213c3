package dev.palimpsest.app.battery;

import dev.palimpsest.api.LanguageModel;
import dev.palimpsest.app.intervention.Languages;
import dev.palimpsest.app.provenance.ModelFiles;
import dev.palimpsest.app.trace.TraceOptions;
import dev.palimpsest.engine.Model;
import dev.palimpsest.lab.battery.Subject;
import dev.palimpsest.lab.battery.Task;
import dev.palimpsest.sampler.method.SamplingOptions;
import dev.palimpsest.sampler.run.Generator;
import dev.palimpsest.sampler.run.Run;
import dev.palimpsest.sampler.trace.TraceHeader;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** A model that is asked: loaded when it is needed, and until it is closed. */
final class Entrant implements AutoCloseable {
  private final String name;
  private final Path folder;
  private final Map<String, Object> options;
  private final List<Task> every;
  private final Supplier<LanguageModel> loader;
  private @Nullable LanguageModel loaded;

  /**
   * A model that is not loaded.
   *
   * @param name in every result
   * @param folder of it
   * @param options of its generations that were given
   * @param every problem that could be asked: what is not given must not depend on how many are
   * @param loader loads it
   */
  Entrant(
      String name,
      Path folder,
      Map<String, Object> options,
      List<Task> every,
      Supplier<LanguageModel> loader) {
    this.name = name;
    this.folder = folder;
    this.options = options;
    this.every = every;
    this.loader = loader;
  }

  String name() {
    return name;
  }

  /** The model as the battery takes it, until it is closed. */
  Subject subject(Pattern answer) {
    LanguageModel language = loaded == null ? loader.get() : loaded;
    loaded = language;
    Model model = language.model();
    List<int[]> prompts = every.stream().map(each -> model.prompt(each.text())).toList();
    int longest = prompts.stream().mapToInt(each -> each.length).max().orElseThrow();
    SamplingOptions all = language.options(options, longest);
    Generator generator = language.generator();
    List<Run> runs = prompts.stream().map(each -> generator.run(each, all)).toList();
    TraceHeader header = TraceOptions.header(model, ModelFiles.identity(folder), runs.getFirst());
    return new Subject(
        name,
        model.transformer(),
        generator,
        Languages.of(model, language.specials()),
        model::prompt,
        all,
        answer,
        header);
  }

  @Override
  public void close() {
    if (loaded != null) {
      loaded.close();
      loaded = null;
    }
  }
}
