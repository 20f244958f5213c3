package dev.palimpsest.sampler.intervention;

import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.Cursor;
import dev.palimpsest.sampler.canvas.Snapshot;
import dev.palimpsest.sampler.method.EntropyBoundSampler;
import dev.palimpsest.sampler.method.InvalidOptionException;
import dev.palimpsest.sampler.method.Sampler;
import dev.palimpsest.sampler.method.SamplingOptions;
import dev.palimpsest.sampler.run.Run;
import dev.palimpsest.sampler.run.SamplerRun;
import dev.palimpsest.sampler.trace.TraceListener;
import dev.palimpsest.sampler.trace.TraceRecord;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Queue;
import org.jspecify.annotations.Nullable;

/**
 * A run with interventions between its steps. Of the model it holds no more between them than a
 * plain run does: a canvas, a cursor and the options. What is due after a step acts before the next
 * question is asked, one intervention after another, each on the canvas that the one before it
 * left; one that asks the model has a forward of its own, which the driver runs as any other.
 */
public final class SteeredRun implements Run {
  /** The name of the event that begins another round. */
  public static final String ROUND = "round";

  private final Language language;
  private final Plan plan;
  private final TraceListener events;
  private final int mostOfRound;
  private SamplerRun run;

  /** Steps taken over all rounds, and in this one. */
  private int steps;

  private int stepsOfRound;
  private int round;
  private boolean stopped;

  /** Interventions that are due and have not acted yet, and what the last step read. */
  private final Queue<StepTransform> due = new ArrayDeque<>();

  private Optional<CanvasImage> before = Optional.empty();

  /** The intervention that has asked something, and the forwards that it has taken. */
  private @Nullable Question question;

  /**
   * A steered run.
   *
   * @param run at any step; not changed
   * @param steps that it has taken already
   * @param events is told of every change. The steps it hears of as the listener of a request
   * @throws InvalidOptionException if the sampler fills noise: what an intervention leaves open is
   *     masked, and such a canvas has no masks
   */
  public SteeredRun(Language language, Plan plan, Run run, int steps, TraceListener events) {
    if (run.sampler() instanceof EntropyBoundSampler && !plan.scheduled().isEmpty()) {
      throw new InvalidOptionException(
          "sampler",
          EntropyBoundSampler.NAME,
          "fills noise, and interventions are defined for canvases of masks: leave them out");
    }
    this.language = language;
    this.plan = plan;
    this.events = events;
    this.steps = steps;
    this.run = SamplerRun.resume(run.sampler(), run.canvas(), run.cursor());
    mostOfRound = Plan.mostSteps(run.sampler().options(), run.canvas().length());
    schedule(false, false);
  }

  @Override
  public boolean finished() {
    return stopped
        || (question == null && due.isEmpty() && run.finished() && round == plan.rounds());
  }

  @Override
  public boolean complete() {
    return !stopped && finished();
  }

  /**
   * {@inheritDoc}
   *
   * @throws IllegalArgumentException if an intervention cannot do what it is asked to
   */
  @Override
  public Query ask() {
    settle();
    if (question != null) {
      return question.ask().query();
    }
    return stopped || run.finished() ? Query.NOTHING : run.ask();
  }

  @Override
  public Optional<Snapshot> accept(List<Prediction> predictions, long elapsedNanos) {
    if (question != null) {
      Question answered = question;
      question = null;
      decided(
          answered.by(),
          answered.forwards() + answered.ask().query().sequences(),
          answered.ask().then().apply(predictions));
      return Optional.empty();
    }
    if (stopped || run.finished()) {
      return Optional.empty();
    }
    before = Optional.of(run.canvas());
    int block = run.cursor().block();
    Snapshot snapshot = run.step(predictions, elapsedNanos);
    steps++;
    stepsOfRound++;
    schedule(run.cursor().block() != block, run.finished() && round < plan.rounds());
    return Optional.of(snapshot);
  }

  /** Lets what is due act, until one asks something or the sampler has the word. */
  private void settle() {
    while (!stopped && question == null) {
      if (!due.isEmpty()) {
        StepTransform next = due.remove();
        decided(next, 0, next.decide(context()));
      } else if (!run.finished()) {
        requireWithinBound();
        return;
      } else if (round == plan.rounds()) {
        return;
      } else {
        begin();
      }
    }
  }

  private void schedule(boolean blockDone, boolean roundDone) {
    for (Plan.Scheduled each : plan.scheduled()) {
      if (each.when().isNow(steps, blockDone, roundDone)) {
        due.add(each.transform());
      }
    }
  }

  private StepContext context() {
    return new StepContext(
        run.canvas(),
        before,
        run.cursor(),
        steps,
        run.finished(),
        run.sampler().options().seed(),
        language);
  }

  private void decided(StepTransform by, int forwards, Decision decision) {
    switch (decision) {
      case Decision.Nothing _ -> {}
      case Decision.Act(Change change) -> {
        CanvasImage canvas = change.applyTo(run.canvas(), language.specials().maskId());
        run = SamplerRun.resume(run.sampler(), canvas, run.cursor());
        stopped |= change.stop();
        log(by.name(), change, forwards);
      }
      case Decision.Ask ask -> question = new Question(by, ask, forwards);
    }
  }

  /** A round that an intervention keeps from its end is stopped, so that every run ends. */
  private void requireWithinBound() {
    if (stepsOfRound == mostOfRound) {
      stopped = true;
      log(
          "bound",
          Change.stop("the sampler has no end within " + mostOfRound + " steps, its bound"),
          0);
    }
  }

  /** Begins the next round on the canvas as it is. */
  private void begin() {
    round++;
    stepsOfRound = 0;
    SamplingOptions options = run.sampler().options();
    OptionalLong seed = OptionalLong.empty();
    if (plan.freshSeeds()) {
      seed = OptionalLong.of(options.seed() + 1);
      options = options.withSeed(seed.getAsLong());
    }
    CanvasImage canvas = run.canvas();
    Sampler sampler = options.sampler(language.specials());
    run = SamplerRun.resume(sampler, canvas, sampler.start(canvas));
    log(ROUND, Change.flag("round %d of %d begins".formatted(round, plan.rounds())), 0, seed);
  }

  private void log(String name, Change change, int forwards) {
    log(name, change, forwards, OptionalLong.empty());
  }

  private void log(String name, Change change, int forwards, OptionalLong seed) {
    events.event(
        new TraceRecord.Event(
            run.cursor(), name, change.cause(), change.writes(), change.remasked(), forwards, seed),
        run.canvas());
  }

  @Override
  public Sampler sampler() {
    return run.sampler();
  }

  @Override
  public CanvasImage canvas() {
    return run.canvas();
  }

  @Override
  public Cursor cursor() {
    return run.cursor();
  }

  /** An intervention may change whatever the run has written, up to its end. */
  @Override
  public int settled() {
    return finished() ? run.settled() : run.canvas().firstOwn();
  }

  /** An intervention may ask for the whole canvas, also where the sampler does not. */
  @Override
  public long width() {
    return Math.max(run.width(), run.canvas().length());
  }

  /** A question of an intervention, and the forwards of those that it asked before. */
  private record Question(StepTransform by, Decision.Ask ask, int forwards) {}
}
