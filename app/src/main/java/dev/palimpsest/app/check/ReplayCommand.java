package dev.palimpsest.app.check;

import dev.palimpsest.api.LanguageModel;
import dev.palimpsest.app.options.ModelOptions;
import dev.palimpsest.app.terminal.Cli;
import dev.palimpsest.app.terminal.LateProgress;
import dev.palimpsest.engine.forward.Transformer;
import dev.palimpsest.sampler.trace.Replay;
import dev.palimpsest.sampler.trace.Trace;
import dev.palimpsest.step.Denoiser;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code replay}: a trace run again from any of its canvases. */
@Command(
    name = "replay",
    description = {
      "Runs a trace again from any of its steps and compares.",
      "Runs on from the canvas of a step and compares every later step with the trace: to the"
          + " last bit under the arithmetic that made it, by tokens under another. Exits with 1 at"
          + " the first that is not the same."
    },
    mixinStandardHelpOptions = true)
public final class ReplayCommand implements Callable<Integer> {
  @Parameters(paramLabel = "TRACE", description = "A trace file.")
  private Path file;

  @Option(
      names = "--from",
      paramLabel = "STEP",
      defaultValue = "0",
      description = "The first step to run again, from 0 (default: ${DEFAULT-VALUE}).")
  private int from;

  @Option(
      names = "--each",
      description =
          "Take every step from its own recorded canvas, the last one first, instead of running on.")
  private boolean each;

  @Option(names = "--only", description = "Take step --from alone.")
  private boolean only;

  @Mixin private ModelOptions modelOptions;

  @Override
  public Integer call() {
    Trace trace = Trace.readWhole(file);
    trace.requireOwnSteps("they cannot be replayed");
    trace.indexOfStep(from);
    long steps = only ? 1 : (long) trace.steps() - from;
    try (LanguageModel language = modelOptions.load(trace);
        LateProgress progress = new LateProgress("Replaying", steps)) {
      Transformer model = language.model().transformer();
      Denoiser denoiser = progress.counting(model);
      String here = model.arithmetic();
      Optional<String> there = trace.header().machine().arithmetic();
      boolean isSameArithmetic = there.equals(Optional.of(here));
      Replay.Equality equality = isSameArithmetic ? Replay.Equality.BITS : Replay.Equality.TOKENS;
      String same =
          isSameArithmetic
              ? "the same to the last bit (%s)".formatted(here)
              : "the same by their tokens (made by %s, replayed by %s: bits are not comparable)"
                  .formatted(there.orElse("an arithmetic that the trace does not name"), here);
      if (each || only) {
        return alone(trace, denoiser, equality, same);
      }
      Replay.Outcome outcome = Replay.from(trace, denoiser, equality, from);
      System.out.printf(
          "%s: %d of %d steps from step %d on are %s%n",
          file, outcome.same(), trace.steps() - from, from, same);
      outcome
          .difference()
          .ifPresent(
              difference ->
                  System.out.printf("step %d: %s%n", difference.step(), difference.what()));
      return outcome.isSame() ? 0 : Cli.FAILURE;
    }
  }

  private int alone(Trace trace, Denoiser denoiser, Replay.Equality equality, String same) {
    int last = only ? from : trace.steps() - 1;
    for (int step = last; step >= from; step--) {
      Replay.Outcome outcome = Replay.step(trace, denoiser, equality, step);
      if (!outcome.isSame()) {
        System.out.printf("step %d: %s%n", step, outcome.difference().orElseThrow().what());
        return Cli.FAILURE;
      }
    }
    System.out.printf(
        "%s: %d steps, each from its own canvas, are %s%n", file, last - from + 1, same);
    return 0;
  }
}
