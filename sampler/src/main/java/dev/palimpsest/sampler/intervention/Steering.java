package dev.palimpsest.sampler.intervention;

import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.Cursor;
import dev.palimpsest.sampler.canvas.Snapshot;
import dev.palimpsest.sampler.method.SamplingOptions;
import dev.palimpsest.sampler.run.Run;
import dev.palimpsest.sampler.trace.TraceListener;
import dev.palimpsest.sampler.trace.TraceRecord;
import dev.palimpsest.step.Denoiser;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * One generation with interventions between its steps. It holds no more between them than the run
 * does: a canvas, a cursor, the options, and two counters.
 */
public final class Steering {
  private final Denoiser denoiser;
  private final Language language;
  private final Plan plan;
  private final TraceListener listener;
  private final long started = System.nanoTime();
  private SamplingOptions options;
  private Run run;
  private int steps;
  private int round;
  private int forwards;
  private int idleSteps;
  private boolean stopped;
  private long firstStepNanos;

  private Steering(
      Denoiser denoiser,
      Language language,
      Plan plan,
      SamplingOptions options,
      Run run,
      int steps,
      TraceListener listener) {
    this.denoiser = denoiser;
    this.language = language;
    this.plan = plan;
    this.options = options;
    this.run = run;
    this.steps = steps;
    this.listener = listener;
  }

  /**
   * Generates to the end.
   *
   * @param options of the run's sampler
   * @param run at any step; not changed
   * @param steps that it has taken already
   * @param listener hears of every step and every change
   * @throws IllegalArgumentException if an intervention cannot do what it is asked to
   */
  public static Outcome generate(
      Denoiser denoiser,
      Language language,
      Plan plan,
      SamplingOptions options,
      Run run,
      int steps,
      TraceListener listener) {
    Run own = Run.resume(run.sampler(), run.canvas(), run.cursor());
    return new Steering(denoiser, language, plan, options, own, steps, listener).generate();
  }

  private Outcome generate() {
    while (true) {
      round();
      if (stopped || round == plan.rounds()) {
        return new Outcome(
            run.canvas(), !stopped && run.finished(), forwards, idleSteps, firstStepNanos);
      }
      round++;
      begin();
    }
  }

  /** Steps to the sampler's end, with what happens between them. */
  private void round() {
    int most = Plan.mostSteps(options, run.canvas().length());
    if (round == 0) {
      intervene(Optional.empty(), false);
    }
    for (int taken = 0; !stopped && !run.finished(); taken++) {
      if (taken == most) {
        log(
            "bound",
            Change.stop("the sampler has no end within " + most + " steps, its bound"),
            run.canvas());
        stopped = true;
        return;
      }
      CanvasImage before = run.canvas();
      Cursor at = run.cursor();
      Query query = run.ask();
      List<Prediction> predictions =
          query.sequences() == 0 ? List.of() : denoiser.predict(List.of(query)).getFirst();
      forwards += query.sequences();
      idleSteps += query.sequences() == 0 ? 1 : 0;
      Snapshot snapshot = run.accept(predictions, System.nanoTime() - started);
      firstStepNanos = firstStepNanos == 0 ? snapshot.elapsedNanos() : firstStepNanos;
      steps++;
      listener.snapshot(snapshot);
      intervene(Optional.of(before), run.cursor().block() != at.block());
    }
  }

  private void intervene(Optional<CanvasImage> before, boolean blockDone) {
    boolean roundDone = run.finished() && before.isPresent() && round < plan.rounds();
    for (Plan.Scheduled each : plan.scheduled()) {
      if (!stopped && each.when().isNow(steps, blockDone, roundDone)) {
        Moment moment =
            new Moment(
                run.canvas(),
                before,
                run.cursor(),
                steps,
                run.finished(),
                options.seed(),
                language);
        each.transform().change(moment).ifPresent(change -> apply(each.transform().name(), change));
      }
    }
  }

  private void apply(String name, Change change) {
    forwards += change.forwards();
    CanvasImage canvas = change.applyTo(run.canvas(), language.specials().maskId());
    run = Run.resume(run.sampler(), canvas, run.cursor());
    stopped |= change.stop();
    log(name, change, canvas);
  }

  private void log(String name, Change change, CanvasImage after) {
    listener.event(
        new TraceRecord.Event(
            run.cursor(),
            name,
            change.cause(),
            change.writes(),
            change.remasked(),
            change.forwards(),
            OptionalLong.empty()),
        after);
  }

  /** Begins the next round on the canvas as it is. */
  private void begin() {
    OptionalLong seed = OptionalLong.empty();
    if (plan.freshSeeds()) {
      seed = OptionalLong.of(options.seed() + 1);
      Map<String, Object> values = new LinkedHashMap<>(options.toMap());
      values.put("seed", seed.getAsLong());
      options = SamplingOptions.of(options.samplerName(), values);
    }
    CanvasImage canvas = run.canvas();
    run = Run.resume(options.sampler(language.specials()), canvas, run.sampler().start(canvas));
    listener.event(
        new TraceRecord.Event(
            run.cursor(),
            "round",
            "round %d of %d begins".formatted(round, plan.rounds()),
            Map.of(),
            List.of(),
            0,
            seed),
        canvas);
  }

  /**
   * How it ended.
   *
   * @param canvas at the end
   * @param complete whether the sampler came to its end
   * @param forwards run, those of interventions too, once for every sequence computed (NFE)
   * @param idleSteps steps that asked nothing, for which no forward was run
   * @param firstStepNanos from the beginning to the end of the first step; 0 if there was none
   */
  public record Outcome(
      CanvasImage canvas, boolean complete, int forwards, int idleSteps, long firstStepNanos) {}
}
