package dev.palimpsest.app.battery;

import dev.palimpsest.api.LanguageModel;
import dev.palimpsest.app.intervention.Languages;
import dev.palimpsest.app.provenance.ModelFiles;
import dev.palimpsest.app.trace.TraceOptions;
import dev.palimpsest.engine.Model;
import dev.palimpsest.lab.battery.Subject;
import dev.palimpsest.lab.battery.Task;
import dev.palimpsest.sampler.intervention.Language;
import dev.palimpsest.sampler.method.SamplingOptions;
import dev.palimpsest.sampler.run.Generator;
import dev.palimpsest.sampler.run.Run;
import dev.palimpsest.sampler.trace.TraceHeader;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.regex.Pattern;

/**
 * A model that is asked.
 *
 * @param name in every result
 * @param folder of it
 * @param options of its generations that were given
 * @param loader loads it
 */
record Entrant(
    String name, Path folder, Map<String, Object> options, Supplier<LanguageModel> loader) {

  /** A loaded model as the battery takes it. */
  Subject subject(LanguageModel loaded, List<Task> tasks, Pattern answer) {
    Model model = loaded.model();
    List<int[]> prompts = tasks.stream().map(each -> model.prompt(each.text())).toList();
    int longest = prompts.stream().mapToInt(each -> each.length).max().orElseThrow();
    SamplingOptions all = loaded.options(options, longest);
    Generator generator = loaded.generator();
    List<Run> runs = prompts.stream().map(each -> generator.run(each, all)).toList();
    TraceHeader header = TraceOptions.header(model, ModelFiles.identity(folder), runs.getFirst());
    Language language = Languages.of(model, loaded.specials());
    return new Subject(
        name, model.transformer(), generator, language, model::prompt, all, answer, header);
  }

  /** What its observations depend on. */
  static BatteryFacts.ModelFacts facts(Subject subject) {
    TraceHeader header = subject.header();
    return new BatteryFacts.ModelFacts(
        subject.name(),
        header.model().sha256(),
        header.sampler(),
        subject.options().toMap(),
        header.machine().backend(),
        header.machine().device(),
        header.machine().precision(),
        header.machine().arithmetic().orElse(""));
  }
}
