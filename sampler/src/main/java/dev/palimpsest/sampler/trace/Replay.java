package dev.palimpsest.sampler.trace;

import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.Snapshot;
import dev.palimpsest.sampler.method.SamplingOptions;
import dev.palimpsest.sampler.run.Driver;
import dev.palimpsest.sampler.run.Run;
import dev.palimpsest.sampler.run.SamplerRun;
import dev.palimpsest.step.Denoiser;
import java.util.Optional;

/**
 * A trace run again. Nothing is taken from the trace but the canvas and the cursor where it begins
 * and the changes that came from outside; each step is then compared with what was recorded.
 */
public final class Replay {
  /** What is compared. */
  public enum Equality {
    /** Tokens, confidences and predictions, to the last bit: for the arithmetic of the trace. */
    BITS,
    /** Tokens alone: for another arithmetic. */
    TOKENS
  }

  private Replay() {}

  /**
   * Runs on from the canvas of a step to the end of the trace, or to the first difference.
   *
   * @param from the first step that is run again, from 0
   */
  public static Outcome from(Trace trace, Denoiser denoiser, Equality equality, int from) {
    return run(trace, denoiser, equality, from, trace.steps());
  }

  /** Runs one step again, from its canvas alone. */
  public static Outcome step(Trace trace, Denoiser denoiser, Equality equality, int step) {
    return run(trace, denoiser, equality, step, step + 1);
  }

  private static Outcome run(Trace trace, Denoiser denoiser, Equality equality, int from, int to) {
    SamplingOptions options = trace.optionsBefore(from);
    Run run =
        SamplerRun.resume(
            options.sampler(trace.header().specials()),
            trace.canvasBefore(from),
            trace.cursorBefore(from));
    int step = from;
    int last = to < trace.steps() ? trace.indexOfStep(to) : trace.records().size();
    for (int index = trace.indexOfStep(from); index < last; index++) {
      switch (trace.records().get(index)) {
        case TraceRecord.Step recorded -> {
          Optional<String> difference = step(run, denoiser, equality, recorded);
          if (difference.isPresent()) {
            return new Outcome(step - from, Optional.of(new Difference(step, difference.get())));
          }
          step++;
        }
        case TraceRecord.Event event -> {
          if (event.seed().isPresent()) {
            options = options.withSeed(event.seed().getAsLong());
          }
          CanvasImage after = Trace.apply(event, run.canvas(), trace.header().specials().maskId());
          run = SamplerRun.resume(options.sampler(trace.header().specials()), after, event.at());
        }
        case TraceRecord.End end -> {
          if (end.complete() && !run.finished()) {
            return new Outcome(
                step - from, Optional.of(new Difference(step, "the sampler is not done")));
          }
        }
      }
    }
    return new Outcome(step - from, Optional.empty());
  }

  private static Optional<String> step(
      Run run, Denoiser denoiser, Equality equality, TraceRecord.Step recorded) {
    if (run.finished()) {
      return Optional.of("the sampler is done before it");
    }
    if (!run.cursor().equals(recorded.at())) {
      return Optional.of("the run is at " + run.cursor() + " instead of " + recorded.at());
    }
    // As many alternatives as a row of the trace has; a vocabulary may hold fewer than were asked.
    int named =
        recorded.asked().stream()
            .flatMap(asked -> asked.predictions().stream())
            .mapToInt(each -> each.alternatives().size())
            .max()
            .orElse(0);
    Snapshot snapshot = Driver.step(run, denoiser.naming(named)).orElseThrow();
    TraceRecord.Step again = TraceRecord.Step.of(snapshot, recorded.asked().isPresent(), 0);
    boolean isSame =
        switch (equality) {
          case BITS -> again.didTheSameAs(recorded);
          case TOKENS -> again.leftTheSameTokensAs(recorded);
        };
    if (!isSame) {
      return Optional.of(
          "it committed %s, edited %s and remasked %s instead of %s, %s and %s"
              .formatted(
                  again.commits(),
                  again.edits(),
                  again.remasked(),
                  recorded.commits(),
                  recorded.edits(),
                  recorded.remasked()));
    }
    return equality == Equality.TOKENS || again.asked().equals(recorded.asked())
        ? Optional.empty()
        : Optional.of("a prediction is another one");
  }

  /**
   * What a replay found.
   *
   * @param same steps that were run again and were the same
   * @param difference the first that was not
   */
  public record Outcome(int same, Optional<Difference> difference) {
    /** Whether all was the same. */
    public boolean isSame() {
      return difference.isEmpty();
    }
  }

  /**
   * Where a replay parted from its trace.
   *
   * @param step its index
   * @param what in words
   */
  public record Difference(int step, String what) {}
}
