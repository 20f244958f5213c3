package dev.palimpsest.app.generate;

import dev.palimpsest.api.LanguageModel;
import dev.palimpsest.app.file.Json;
import dev.palimpsest.app.intervention.EndpointParaphraser;
import dev.palimpsest.app.intervention.InsideOptions;
import dev.palimpsest.app.intervention.Languages;
import dev.palimpsest.app.options.ModelOptions;
import dev.palimpsest.app.options.PromptOptions;
import dev.palimpsest.app.options.SamplerOptions;
import dev.palimpsest.app.options.SpecialTokenOptions;
import dev.palimpsest.app.terminal.Cli;
import dev.palimpsest.app.terminal.Notices;
import dev.palimpsest.app.terminal.Terminal;
import dev.palimpsest.app.terminal.Wording;
import dev.palimpsest.app.trace.TraceOptions;
import dev.palimpsest.engine.Model;
import dev.palimpsest.engine.text.Conversation;
import dev.palimpsest.lab.answer.Spans;
import dev.palimpsest.lab.plan.PlanReader;
import dev.palimpsest.sampler.canvas.SnapshotListener;
import dev.palimpsest.sampler.intervention.Plan;
import dev.palimpsest.sampler.intervention.SteeredRun;
import dev.palimpsest.sampler.method.SamplingOptions;
import dev.palimpsest.sampler.run.Generation;
import dev.palimpsest.sampler.run.Generator;
import dev.palimpsest.sampler.run.Request;
import dev.palimpsest.sampler.run.Run;
import dev.palimpsest.sampler.run.SnapshotRing;
import dev.palimpsest.sampler.trace.TraceListener;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
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
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code generate}: one text from one prompt. */
@Command(
    name = "generate",
    description = "Writes a text: by filling a canvas of masks, or token by token.",
    mixinStandardHelpOptions = true)
public final class GenerateCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;

  @ParentCommand private Cli cli;

  @Mixin private ModelOptions modelOptions;

  @Mixin private SamplerOptions samplerOptions;

  @Mixin private PromptOptions promptOptions;

  @Mixin private SpecialTokenOptions specialTokenOptions;

  @Mixin private TraceOptions traceOptions;

  @Mixin private InsideOptions insideOptions;

  @Option(
      names = "--watch",
      negatable = true,
      description =
          "Show the canvas at every step on standard error: redrawn in place on a terminal (the"
              + " default there), one line a step elsewhere.")
  private Optional<Boolean> watch;

  @Option(
      names = "--lossless",
      description =
          "Show every step, and let the generation wait where they come faster than they are drawn."
              + " A trace holds every step without it.")
  private boolean lossless;

  @Option(
      names = "--plan",
      paramLabel = "FILE",
      description = "Interventions between the steps, as JSON; docs/interventions.md lists them.")
  private Optional<Path> planFile;

  @Option(names = "--json", description = "Print one JSON object instead of the text.")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    StartTimes times = new StartTimes();
    traceOptions.requireNoInput(spec, inputs());
    PromptOptions.Prompt prompt = promptOptions.read();
    String text = prompt.text();
    try (LanguageModel language = modelOptions.load(samplerOptions.blocks())) {
      Model model = language.model();
      times.mark("model loaded");
      int[] ids =
          prompt.needsTemplate()
              ? specialTokenOptions.ids(model, prompt.conversation())
              : specialTokenOptions.ids(model, text);
      warnOfTemplate(model, prompt.conversation());
      SamplingOptions options = samplerOptions.resolve(language, ids.length);
      InsideOptions.Changed inside = insideOptions.changed(model, ids.length);
      Generator generator = language.generator(traceOptions.denoiser(inside.denoiser()));
      Run run = generator.run(ids, options);
      warnOfUnknownWords(
          prompt.needsTemplate()
              ? specialTokenOptions.unknownWords(model, prompt.conversation())
              : specialTokenOptions.unknownWords(model, text));
      Optional<Plan> plan = planFile.isPresent() ? Optional.of(plan()) : Optional.empty();
      Terminal terminal = Terminal.standardError();
      Generation generation;
      try (TraceOptions.Recording recording =
              traceOptions.begin(model, modelOptions, run, inside.changes());
          CanvasView view =
              new CanvasView(
                  terminal::resized,
                  model.tokenizer(),
                  language.specials(),
                  options,
                  text,
                  lossless ? SnapshotRing.WhenFull.WAIT : SnapshotRing.WhenFull.LEAVE_OUT_OLDEST)) {
        boolean watching = Notices.areWanted() && watch.orElse(terminal.isTerminal() && !json);
        SnapshotListener drawing = watching ? view : SnapshotListener.NONE;
        TraceListener listener =
            recording.and(
                snapshot -> {
                  if (snapshot.step() == 0) {
                    times.mark("first snapshot");
                  }
                  drawing.snapshot(snapshot);
                });
        Run steered =
            plan.isPresent()
                ? new SteeredRun(
                    Languages.of(model, language.specials()), plan.get(), run, 0, listener)
                : run;
        generation = generate(generator, Request.of(steered, listener));
        recording.end(generation);
      }
      print(model, text, options, generation, inside.changes());
      if (cli.isVerbose()) {
        System.err.print(times);
      }
      return 0;
    }
  }

  private List<Path> inputs() throws IOException {
    List<Path> inputs = new ArrayList<>(planFile.stream().toList());
    inputs.addAll(promptOptions.files());
    inputs.addAll(insideOptions.files());
    inputs.addAll(modelOptions.files());
    return inputs;
  }

  private Plan plan() throws IOException {
    Path file = planFile.orElseThrow();
    try {
      return new PlanReader(EndpointParaphraser::new, Spans.ANSWER).plan(Files.readString(file));
    } catch (NoSuchFileException e) {
      throw new ParameterException(
          spec.commandLine(), "--plan " + file + ": there is no such file", e);
    } catch (IllegalArgumentException e) {
      throw wrongPlan(e);
    }
  }

  private ParameterException wrongPlan(IllegalArgumentException e) {
    return new ParameterException(
        spec.commandLine(), "--plan " + planFile.orElseThrow() + ": " + e.getMessage(), e);
  }

  private Generation generate(Generator generator, Request request) {
    try {
      return generator.generate(request);
    } catch (IllegalArgumentException e) {
      throw planFile.isPresent() ? wrongPlan(e) : e;
    }
  }

  private void warnOfTemplate(Model model, Conversation conversation) {
    if (model.chatTemplate().isEmpty() && modelOptions.isInstructed()) {
      Notices.say(
          modelOptions.folder()
              + " has no chat template, so the model is given the bare text of the prompt");
    }
    for (String name : conversation.variables().keySet()) {
      if (model.chatTemplate().filter(each -> each.mentions(name)).isEmpty()) {
        Notices.say("the model's chat template does not use \"" + name + "\"");
      }
    }
  }

  private static void warnOfUnknownWords(List<String> unknown) {
    if (!unknown.isEmpty()) {
      Notices.say(
          "the model does not know these words, and reads each as the same unknown one:"
              + " "
              + String.join(", ", unknown));
    }
  }

  private void print(
      Model model,
      String text,
      SamplingOptions options,
      Generation generation,
      List<String> inside) {
    String written = model.tokenizer().decode(generation.tokens(), true);
    if (json) {
      Map<String, Object> report = report(model, text, options, generation, written);
      if (!inside.isEmpty()) {
        report.put("inside_steps", inside);
      }
      System.out.println(Json.write(report));
      return;
    }
    System.out.println(written);
    System.out.flush();
    if (!Notices.areWanted()) {
      return;
    }
    System.err.printf(
        Locale.ROOT,
        "%d forwards%s, %d tokens before the end of text, %.2f a forward%n"
            + "first snapshot after %.1f ms, complete after %.1f ms%n",
        generation.forwards(),
        Wording.idle(generation.idleSteps()),
        generation.tokens().length,
        generation.tokensPerForward(),
        generation.firstSnapshotNanos() / 1e6,
        generation.totalNanos() / 1e6);
  }

  private Map<String, Object> report(
      Model model, String text, SamplingOptions options, Generation generation, String written) {
    Map<String, Object> report = new LinkedHashMap<>();
    report.put("prompt", text);
    report.put("text", written);
    report.put("model", modelOptions.folder().toString());
    report.put("backend", model.transformer().describeBackend());
    report.put("sampler", options.samplerName());
    report.put("options", options.toMap());
    report.put("prompt_tokens", generation.promptLength());
    report.put("tokens", generation.tokens());
    report.put("canvas", generation.generated());
    report.put("complete", generation.complete());
    report.put("stopped", generation.stopped());
    report.put("nfe", generation.forwards());
    report.put("idle_steps", generation.idleSteps());
    report.put("committed_tokens", generation.committed());
    report.put("text_tokens", generation.tokens().length);
    report.put("tpf", generation.tokensPerForward());
    report.put("seconds_to_first_snapshot", generation.firstSnapshotNanos() / 1e9);
    report.put("seconds_to_complete", generation.totalNanos() / 1e9);
    return report;
  }
}
