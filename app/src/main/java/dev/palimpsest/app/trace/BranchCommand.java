package dev.palimpsest.app.trace;

import dev.palimpsest.api.LanguageModel;
import dev.palimpsest.app.file.Replacement;
import dev.palimpsest.app.intervention.EndpointParaphraser;
import dev.palimpsest.app.intervention.InsideOptions;
import dev.palimpsest.app.intervention.Languages;
import dev.palimpsest.app.options.ModelOptions;
import dev.palimpsest.app.terminal.LateProgress;
import dev.palimpsest.app.terminal.Terminal;
import dev.palimpsest.engine.Model;
import dev.palimpsest.lab.answer.Spans;
import dev.palimpsest.lab.plan.PlanReader;
import dev.palimpsest.sampler.intervention.Language;
import dev.palimpsest.sampler.intervention.Plan;
import dev.palimpsest.sampler.intervention.SteeredRun;
import dev.palimpsest.sampler.intervention.When;
import dev.palimpsest.sampler.method.SamplingOptions;
import dev.palimpsest.sampler.run.Driver;
import dev.palimpsest.sampler.run.Generation;
import dev.palimpsest.sampler.run.Request;
import dev.palimpsest.sampler.run.Run;
import dev.palimpsest.sampler.run.SamplerRun;
import dev.palimpsest.sampler.trace.Trace;
import dev.palimpsest.sampler.trace.TraceHeader;
import dev.palimpsest.sampler.trace.TraceRecord;
import dev.palimpsest.sampler.trace.TraceRelay;
import dev.palimpsest.sampler.trace.TraceWriter;
import dev.palimpsest.step.Denoiser;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code branch}: what would have happened if the canvas had been another one. */
@Command(
    name = "branch",
    description = {
      "Runs on from an edited canvas of a trace.",
      "Edits the canvas right before a step and runs on with the same random numbers, so that"
          + " whatever differs comes from the edit. Writes a trace that shares the steps before"
          + " it."
    },
    mixinStandardHelpOptions = true)
public final class BranchCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Parameters(paramLabel = "TRACE", description = "A trace file.")
  private Path file;

  @Option(
      names = "--at",
      paramLabel = "STEP",
      required = true,
      description = "The first step that reads the edited canvas, from 0.")
  private int at;

  @Option(
      names = "--edit",
      paramLabel = "EDIT",
      required = true,
      description =
          "An intervention, as 'corrupt share=0.3 in=reasoning', 'force at=3 text=7' or 'none';"
              + " may be given more than once. docs/interventions.md lists them.")
  private List<String> edits = List.of();

  @Option(
      names = "--to",
      paramLabel = "FILE",
      required = true,
      description = "The branch's trace; replaced if it exists.")
  private Path target;

  @Mixin private TraceDetail detail;

  @Mixin private InsideOptions insideOptions;

  @Mixin private ModelOptions modelOptions;

  @Override
  public Integer call() throws IOException {
    List<Path> inputs = new ArrayList<>(modelOptions.files());
    inputs.add(file);
    inputs.addAll(insideOptions.files());
    Replacement.requireNoInput(spec, "--to", target, inputs);
    Trace trace = Trace.readWhole(file);
    trace.requireOwnSteps("they cannot be shared with a branch");
    int index = trace.indexOfStep(at);
    requireNothingFromOutside(trace, index);
    try (LanguageModel loaded = modelOptions.load(trace)) {
      Model model = loaded.model();
      SamplingOptions options = trace.optionsBefore(at);
      Plan plan = plan();
      Run run =
          SamplerRun.resume(
              options.sampler(trace.header().specials()),
              trace.canvasBefore(at),
              trace.cursorBefore(at));
      InsideOptions.Changed inside =
          insideOptions.changed(model, trace.header().start().promptLength());
      TraceHeader header =
          trace
              .header()
              .branch(
                  new TraceHeader.Origin(trace.chain(index - 1), at, edits),
                  TraceOptions.machine(model))
              .changedInside(inside.changes());
      Language language = Languages.of(model, trace.header().specials());
      Denoiser naming = inside.denoiser().naming(detail.alternatives());
      try (LateProgress progress = new LateProgress("Branching", (long) trace.steps() - at)) {
        Replacement.write(
            target,
            file -> {
              try (TraceWriter writer =
                  TraceWriter.open(
                      file, header, model.tokenizer()::piece, detail.withPredictions())) {
                writer.share(trace, at);
                Generation generation;
                try (TraceRelay relay = new TraceRelay(TraceOptions.MOST_WAITING)) {
                  TraceRelay.Track track = relay.to(writer);
                  Run steered = new SteeredRun(language, plan, run, at, track);
                  generation =
                      new Driver(progress.counting(naming))
                          .finish(List.of(Request.of(steered, track)))
                          .getFirst();
                  track.flush();
                }
                writer.end(generation.complete(), generation.canvas());
              }
            });
      } catch (IllegalArgumentException e) {
        throw new ParameterException(spec.commandLine(), "--edit: " + e.getMessage(), e);
      }
    }
    report(trace, Trace.readWhole(target));
    return 0;
  }

  private void requireNothingFromOutside(Trace trace, int index) {
    for (TraceRecord record : trace.records().subList(index, trace.records().size())) {
      if (record instanceof TraceRecord.Event event) {
        throw new ParameterException(
            spec.commandLine(),
            "--at "
                + at
                + " comes before a change from outside ("
                + event.name()
                + ") that a branch does not repeat: use a later step");
      }
    }
  }

  private Plan plan() {
    PlanReader reader = new PlanReader(EndpointParaphraser::new, Spans.ANSWER);
    try {
      return new Plan(
          edits.stream()
              .map(edit -> new Plan.Scheduled(new When.Before(at), reader.transform(edit)))
              .toList(),
          0,
          false);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), "--edit: " + e.getMessage(), e);
    }
  }

  private void report(Trace parent, Trace branch) {
    TraceText text = new TraceText(branch, new TerminalText(Terminal.isUnicodeOut(), 80));
    System.out.printf("%s: %d steps of its own from step %d%n", target, branch.steps() - at, at);
    for (int index = branch.indexOfStep(at) - edits.size(); index >= 0; index++) {
      if (!(branch.records().get(index) instanceof TraceRecord.Event event)) {
        break;
      }
      System.out.println(text.cut(event.name() + ": " + event.cause()));
    }
    int differing = 0;
    for (int position = 0; position < parent.last().length(); position++) {
      differing += parent.last().id(position) == branch.last().id(position) ? 0 : 1;
    }
    System.out.printf("%d positions differ in the end%n", differing);
    text.lines(branch.last(), "  ").forEach(System.out::println);
  }
}
