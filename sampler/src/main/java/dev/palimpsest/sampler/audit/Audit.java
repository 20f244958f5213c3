package dev.palimpsest.sampler.audit;

import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.Cursor;
import dev.palimpsest.sampler.run.Driver;
import dev.palimpsest.sampler.run.Run;
import dev.palimpsest.step.Denoiser;
import java.util.List;
import java.util.Optional;
import java.util.function.BiFunction;
import java.util.function.IntSupplier;
import java.util.function.Supplier;

/**
 * The ways in which a generation is done again. Each must come out the same to the last bit, canvas
 * and predictions, if a step is a function of the token ids, the cursor and the key alone.
 */
public final class Audit {
  private Audit() {}

  /**
   * The whole generation again on a model whose memory is filled with NaN before every step: what a
   * step reads of another's activations shows.
   *
   * @param run at its first step
   */
  public static Verdict poisoned(Specimen specimen, Run run, Denoiser poisoned) {
    return compare(
        "poisoned_activations",
        specimen,
        attempt(() -> Specimen.generate(run, poisoned)),
        "activations were NaN before every step");
  }

  /**
   * Every step alone from the canvas that it read, the last one first, so that whatever else were
   * carried from step to step is missing or wrong.
   *
   * @param resume makes a run with a sampler of its own
   * @param fresh makes a model that has computed nothing yet
   */
  public static Verdict recomputed(
      Specimen specimen, BiFunction<CanvasImage, Cursor, Run> resume, Supplier<Denoiser> fresh) {
    String name = "recomputed_steps";
    for (int step = specimen.steps() - 1; step >= 0; step--) {
      try {
        Run run = resume.apply(specimen.befores().get(step), specimen.at(step));
        String difference =
            Specimen.difference(
                specimen.snapshots().get(step), Driver.step(run, fresh.get()).orElseThrow());
        if (!difference.isEmpty()) {
          return Verdict.failed(name, step, difference);
        }
      } catch (IllegalStateException | ArithmeticException e) {
        return Verdict.failed(name, step, String.valueOf(e.getMessage()));
      }
    }
    return Verdict.passed(name, specimen.steps(), "each step was taken from its canvas alone");
  }

  /**
   * The whole generation again without the KV cache: the keys and values that are cached must be
   * those that are computed.
   *
   * @param run at its first step
   */
  public static Verdict uncached(Specimen specimen, Run run, Denoiser denoiser) {
    int[] cacheable = {0};
    Denoiser uncached =
        denoiser.asking(
            query -> {
              cacheable[0] += query.cacheablePrefix() > 0 ? 1 : 0;
              return query.uncached();
            });
    Attempt again = attempt(() -> Specimen.generate(run, uncached));
    return compare(
        "recomputed_caches",
        specimen,
        again,
        cacheable[0] == 0
            ? "no step allows the engine to remember anything"
            : cacheable[0] + " steps that may use a memory were computed without");
  }

  /**
   * The whole generation again among others, which join one by one.
   *
   * @param run at its first step
   * @param company other runs at their first steps
   */
  public static Verdict batched(Specimen specimen, Run run, Denoiser denoiser, List<Run> company) {
    return compare(
        "batch_of_many",
        specimen,
        attempt(() -> Specimen.generate(run, denoiser, company)),
        "it shared its batch with up to " + company.size() + " others");
  }

  /**
   * The whole generation again while someone looks inside its steps, which must change nothing.
   *
   * @param run at its first step
   * @param probed the model, looked into at every step
   * @param seen how many matrices were seen so far
   */
  public static Verdict probed(Specimen specimen, Run run, Denoiser probed, IntSupplier seen) {
    Attempt again = attempt(() -> Specimen.generate(run, probed));
    return compare(
        "probed_steps",
        specimen,
        again,
        seen.getAsInt() + " matrices of activations were read inside its steps");
  }

  private static Verdict compare(String name, Specimen first, Attempt attempt, String evidence) {
    if (attempt.again().isEmpty()) {
      return Verdict.failed(name, 0, attempt.failure());
    }
    Specimen again = attempt.again().get();
    for (int step = 0; step < Math.min(first.steps(), again.steps()); step++) {
      String difference =
          Specimen.difference(first.snapshots().get(step), again.snapshots().get(step));
      if (!difference.isEmpty()) {
        return Verdict.failed(name, step, difference);
      }
    }
    return first.steps() == again.steps()
        ? Verdict.passed(name, first.steps(), evidence)
        : Verdict.failed(
            name,
            Math.min(first.steps(), again.steps()),
            "it took %d steps instead of %d".formatted(again.steps(), first.steps()));
  }

  /** A model that answers with what is not a number fails the audit, and does not end it. */
  private static Attempt attempt(Supplier<Specimen> generation) {
    try {
      return new Attempt(Optional.of(generation.get()), "");
    } catch (IllegalStateException | ArithmeticException e) {
      return new Attempt(Optional.empty(), String.valueOf(e.getMessage()));
    }
  }

  /** A generation that was done again, or why it was not. */
  private record Attempt(Optional<Specimen> again, String failure) {}
}
