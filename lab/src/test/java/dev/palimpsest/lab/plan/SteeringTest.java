package dev.palimpsest.lab.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.palimpsest.lab.answer.Spans;
import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.CellState;
import dev.palimpsest.sampler.canvas.Cursor;
import dev.palimpsest.sampler.canvas.Snapshot;
import dev.palimpsest.sampler.canvas.SnapshotListener;
import dev.palimpsest.sampler.intervention.CanvasTransform;
import dev.palimpsest.sampler.intervention.Change;
import dev.palimpsest.sampler.intervention.Decision;
import dev.palimpsest.sampler.intervention.Freeze;
import dev.palimpsest.sampler.intervention.Language;
import dev.palimpsest.sampler.intervention.Paraphraser;
import dev.palimpsest.sampler.intervention.Plan;
import dev.palimpsest.sampler.intervention.Region;
import dev.palimpsest.sampler.intervention.Remask;
import dev.palimpsest.sampler.intervention.SteeredRun;
import dev.palimpsest.sampler.intervention.StepContext;
import dev.palimpsest.sampler.intervention.StepTransform;
import dev.palimpsest.sampler.intervention.When;
import dev.palimpsest.sampler.method.EntropyBoundSampler;
import dev.palimpsest.sampler.method.InvalidOptionException;
import dev.palimpsest.sampler.run.Driver;
import dev.palimpsest.sampler.run.Generation;
import dev.palimpsest.sampler.run.Request;
import dev.palimpsest.sampler.run.Run;
import dev.palimpsest.sampler.run.SamplerRun;
import dev.palimpsest.sampler.trace.Fixture;
import dev.palimpsest.sampler.trace.Replay;
import dev.palimpsest.sampler.trace.Trace;
import dev.palimpsest.sampler.trace.TraceListener;
import dev.palimpsest.sampler.trace.TraceRecord;
import dev.palimpsest.sampler.trace.TraceWriter;
import dev.palimpsest.step.Denoiser;
import dev.palimpsest.step.Query;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

final class SteeringTest {
  @TempDir private Path folder;

  static LongStream seeds() {
    return LongStream.range(0, 60)
        .filter(seed -> !Fixture.of(seed).options().samplerName().equals(EntropyBoundSampler.NAME));
  }

  @Test
  void canvasesOfNoiseAreNotIntervenedIn() {
    Fixture fixture = Fixture.of(3, EntropyBoundSampler.NAME);
    Plan plan =
        new PlanReader(SteeringTest::noServer, Spans.ANSWER)
            .plan(
                "{\"transforms\": [{\"when\": \"every=3\", \"do\": \"remask\", \"share\": 0.4}]}");
    try (TraceWriter writer =
        TraceWriter.open(folder.resolve("a.trace.jsonl"), fixture.header(), Fixture::piece, true)) {
      assertThatThrownBy(() -> new SteeredRun(fixture.language(), plan, fixture.run(), 0, writer))
          .isInstanceOf(InvalidOptionException.class)
          .hasMessage(
              "sampler entropy_bound fills noise, and interventions are defined for canvases of"
                  + " masks: leave them out");
    }
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void aBranchThatChangesNothingIsTheSameToTheLastBitAtEveryStep(long seed) {
    Fixture fixture = Fixture.of(seed);
    Path file = folder.resolve("a.trace.jsonl");
    fixture.generate(file, true);
    Trace parent = Trace.read(file);
    StepTransform nothing = new PlanReader(SteeringTest::noServer, Spans.ANSWER).transform("none");
    for (int at = 0; at < parent.steps(); at++) {
      Trace branch = branch(fixture, parent, at, nothing);
      assertThat(branch.steps()).isEqualTo(parent.steps());
      assertThat(branch.end()).isEqualTo(parent.end());
      for (int step = 0; step < parent.steps(); step++) {
        assertThat(branch.step(step).didTheSameAs(parent.step(step))).isTrue();
        assertThat(branch.step(step).asked()).isEqualTo(parent.step(step).asked());
        assertThat(branch.canvasBefore(step)).isEqualTo(parent.canvasBefore(step));
      }
      assertThat(branch.last()).isEqualTo(parent.last());
    }
  }

  private Trace branch(Fixture fixture, Trace parent, int at, StepTransform edit) {
    Path file = folder.resolve("branch.trace.jsonl");
    try (TraceWriter writer = TraceWriter.open(file, fixture.header(), Fixture::piece, true)) {
      writer.share(parent, at);
      Run run =
          SamplerRun.resume(
              parent.optionsBefore(at).sampler(fixture.specials()),
              parent.canvasBefore(at),
              parent.cursorBefore(at));
      Plan plan = new Plan(List.of(new Plan.Scheduled(new When.Before(at), edit)), 0, false);
      Generation outcome = generate(fixture.model(), fixture.language(), plan, run, at, writer);
      writer.end(outcome.complete(), outcome.canvas());
    }
    return Trace.readWhole(file);
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void aGenerationWithEveryInterventionEndsWithinItsBoundAndReplaysToTheLastBit(long seed) {
    Fixture fixture = Fixture.of(seed);
    AtomicInteger forwards = new AtomicInteger();
    Denoiser counting =
        queries -> {
          queries.forEach(each -> forwards.addAndGet(each.guidance().isPresent() ? 2 : 1));
          return fixture.model().predict(queries);
        };
    Plan plan =
        new PlanReader(SteeringTest::noServer, Spans.ANSWER)
            .plan(
                """
                {"rounds": 2, "fresh_seeds": true, "transforms": [
                  {"when": "every=3", "do": "remask", "share": 0.4},
                  {"when": "every=2", "do": "corrupt", "share": 0.3, "in": "reasoning"},
                  {"when": "block", "do": "paraphrase", "how": "equations"},
                  {"when": "step=2", "do": "filler", "text": "{filler}", "in": "1-2"},
                  {"when": "round", "do": "mistake"},
                  {"when": "round", "do": "remask", "share": 0.5, "least_sure": true}]}
                """
                    .replace(
                        "{filler}", fixture.language().vocabulary() > 3 ? Fixture.piece(3) : ""));
    Path file = folder.resolve("a.trace.jsonl");
    Generation outcome;
    try (TraceWriter writer = TraceWriter.open(file, fixture.header(), Fixture::piece, true)) {
      outcome = generate(counting, fixture.language(), plan, fixture.run(), 0, writer);
      writer.end(outcome.complete(), outcome.canvas());
    }
    assertThat(outcome.forwards()).isEqualTo(forwards.get());
    assertThat((long) outcome.forwards())
        .isLessThanOrEqualTo(plan.mostForwards(fixture.options(), outcome.canvas().length()));
    Trace trace = Trace.readWhole(file);
    assertThat(trace.end().orElseThrow().forwards()).isEqualTo(forwards.get());
    assertThat(trace.last()).isEqualTo(outcome.canvas());
    assertThat(trace.records().stream().filter(TraceRecord.Event.class::isInstance).count())
        .isGreaterThanOrEqualTo(2);
    for (int from = 0; from < trace.steps(); from++) {
      assertThat(Replay.from(trace, fixture.model(), Replay.Equality.BITS, from).difference())
          .isEmpty();
    }
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void aSelfParaphraseReplacesEveryChosenTokenByAnotherWord(long seed) {
    Fixture fixture = Fixture.of(seed);
    Path file = folder.resolve("a.trace.jsonl");
    fixture.generate(file, false);
    CanvasImage canvas = Trace.read(file).last();
    StepContext context =
        new StepContext(canvas, Optional.empty(), Cursor.START, 0, true, seed, fixture.language());
    long filled = new Region.All().positions(context).stream().filter(context::isText).count();
    for (int most = 0; most <= 4; most++) {
      StepTransform self =
          new PlanReader(SteeringTest::noServer, Spans.ANSWER)
              .transform("paraphrase how=self numbers=true most=" + most);
      int forwards = 0;
      Decision decision = self.decide(context);
      while (decision instanceof Decision.Ask(Query query, var then)) {
        forwards++;
        decision = then.apply(fixture.model().predict(List.of(query)).getFirst());
      }
      Change change = ((Decision.Act) decision).change();
      assertThat(change.writes()).hasSize((int) Math.min(most, filled));
      assertThat(forwards).isEqualTo(change.writes().size());
      assertThat(self.mostForwards()).isEqualTo(most);
      change
          .writes()
          .forEach(
              (position, id) -> {
                assertThat(id).isNotEqualTo(canvas.id(position));
                assertThat(fixture.language().isText(id)).isTrue();
              });
    }
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void steeredAndPlainRunsShareADriverAndWriteWhatEachWritesAlone(long seed) {
    Fixture fixture = Fixture.of(seed);
    Plan plan =
        new PlanReader(SteeringTest::noServer, Spans.ANSWER)
            .plan(
                """
                {"rounds": 1, "transforms": [
                  {"when": "every=2", "do": "paraphrase", "how": "self", "most": 2, "numbers": true},
                  {"when": "every=3", "do": "remask", "share": 0.5, "least_sure": true}]}
                """);
    List<TraceRecord.Event> alone = new ArrayList<>();
    Generation steered = generate(fixture, plan, alone);
    Generation plain = new Driver(fixture.model()).finish(plain(fixture)).getFirst();
    List<TraceRecord.Event> one = new ArrayList<>();
    List<TraceRecord.Event> other = new ArrayList<>();
    List<Request> requests = new ArrayList<>();
    for (List<TraceRecord.Event> events : List.of(one, other)) {
      Listener listener = new Listener(events, new ArrayList<>());
      requests.add(
          Request.of(
              new SteeredRun(fixture.language(), plan, fixture.run(), 0, listener), listener));
    }
    requests.addAll(1, plain(fixture));
    List<Generation> together = new Driver(fixture.model()).finish(requests);
    assertThat(one).isEqualTo(alone);
    assertThat(other).isEqualTo(alone);
    assertThat(together.get(0).canvas()).isEqualTo(steered.canvas());
    assertThat(together.get(1).canvas()).isEqualTo(plain.canvas());
    assertThat(together.get(2).canvas()).isEqualTo(steered.canvas());
    assertThat(together)
        .extracting(Generation::forwards)
        .containsExactly(steered.forwards(), plain.forwards(), steered.forwards());
  }

  private static List<Request> plain(Fixture fixture) {
    return List.of(Request.of(fixture.run(), SnapshotListener.NONE));
  }

  @Test
  void aRunThatAnInterventionKeepsFromItsEndIsStoppedAtItsBound() {
    Fixture fixture =
        LongStream.range(0, 1000)
            .mapToObj(seed -> Fixture.of(seed, "block"))
            .filter(each -> each.run().canvas().length() > 8)
            .findFirst()
            .orElseThrow();
    Plan plan =
        new Plan(
            List.of(new Plan.Scheduled(new When.Every(1), new Remask(new Region.All(), 1, true))),
            0,
            false);
    List<TraceRecord.Event> events = new ArrayList<>();
    Generation outcome = generate(fixture, plan, events);
    long most = plan.mostForwards(fixture.options(), outcome.canvas().length());
    assertThat((long) outcome.forwards()).isLessThanOrEqualTo(most);
    if (!outcome.complete()) {
      assertThat(events.getLast().name()).isEqualTo("bound");
    }
  }

  @Test
  void aMonitorFlagsAndStops() {
    Fixture fixture = Fixture.of(3, "llada");
    StepTransform monitor =
        new CanvasTransform() {
          @Override
          public String name() {
            return "watch";
          }

          @Override
          public Optional<Change> change(StepContext context) {
            return Optional.of(context.steps() == 2 ? Change.stop("enough") : Change.flag("seen"));
          }
        };
    List<TraceRecord.Event> events = new ArrayList<>();
    Plan plan = new Plan(List.of(new Plan.Scheduled(new When.Every(1), monitor)), 5, false);
    Generation outcome = generate(fixture, plan, events);
    assertThat(outcome.complete()).isFalse();
    assertThat(outcome.forwards()).isEqualTo(2);
    assertThat(events).extracting(TraceRecord.Event::cause).containsExactly("seen", "enough");
  }

  @Test
  void whatIsFrozenStaysWhateverASamplerThatRevisesDoes() {
    int put = 0;
    for (long seed = 0; seed < 40; seed++) {
      Fixture fixture = Fixture.of(seed, "remdm");
      List<TraceRecord.Event> events = new ArrayList<>();
      List<CanvasImage> canvases = new ArrayList<>();
      Plan plan =
          new Plan(
              List.of(new Plan.Scheduled(new When.Every(1), new Freeze(new Region.All()))),
              0,
              false);
      generate(
          fixture.model(),
          fixture.language(),
          plan,
          fixture.run(),
          0,
          new Listener(events, canvases));
      put += events.size();
      for (int index = 1; index < canvases.size(); index++) {
        CanvasImage before = canvases.get(index - 1);
        CanvasImage after = canvases.get(index);
        for (int position = 0; position < before.length(); position++) {
          if (before.state(position) == CellState.COMMITTED) {
            assertThat(after.id(position)).isEqualTo(before.id(position));
          }
        }
      }
    }
    assertThat(put).isPositive();
  }

  private static Generation generate(
      Denoiser denoiser, Language language, Plan plan, Run run, int steps, TraceListener listener) {
    Run steered = new SteeredRun(language, plan, run, steps, listener);
    return new Driver(denoiser).finish(List.of(Request.of(steered, listener))).getFirst();
  }

  private static Generation generate(Fixture fixture, Plan plan, List<TraceRecord.Event> events) {
    return generate(
        fixture.model(),
        fixture.language(),
        plan,
        fixture.run(),
        0,
        new Listener(events, new ArrayList<>()));
  }

  /** Keeps the events, and the canvas after each step with what was put back. */
  private record Listener(List<TraceRecord.Event> events, List<CanvasImage> canvases)
      implements TraceListener {
    @Override
    public void snapshot(Snapshot snapshot) {
      canvases.add(snapshot.canvas());
    }

    @Override
    public void event(TraceRecord.Event event, CanvasImage after) {
      events.add(event);
      canvases.set(canvases.size() - 1, after);
    }
  }

  private static Paraphraser noServer(String url, String model, String keyVariable) {
    throw new AssertionError("no server is needed");
  }
}
