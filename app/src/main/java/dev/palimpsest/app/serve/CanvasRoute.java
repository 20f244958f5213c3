package dev.palimpsest.app.serve;

import dev.palimpsest.app.intervention.Languages;
import dev.palimpsest.app.openai.GenerationParameters;
import dev.palimpsest.app.openai.RequestException;
import dev.palimpsest.lab.answer.Spans;
import dev.palimpsest.lab.plan.PlanReader;
import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.CellState;
import dev.palimpsest.sampler.canvas.Cursor;
import dev.palimpsest.sampler.canvas.Snapshot;
import dev.palimpsest.sampler.intervention.Plan;
import dev.palimpsest.sampler.intervention.SteeredRun;
import dev.palimpsest.sampler.intervention.When;
import dev.palimpsest.sampler.method.SamplingOptions;
import dev.palimpsest.sampler.run.Run;
import dev.palimpsest.sampler.trace.Trace;
import dev.palimpsest.sampler.trace.TraceException;
import dev.palimpsest.sampler.trace.TraceListener;
import dev.palimpsest.sampler.trace.TraceRecord;
import dev.palimpsest.step.Query;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import org.eclipse.jetty.io.EofException;
import tools.jackson.databind.node.ObjectNode;

/**
 * {@code /v1/canvas}: any canvas, from any step, for any number of steps. What is answered can be
 * sent again to go on.
 */
record CanvasRoute(Served served, Jobs jobs, TraceStore traces, DriverThread driver)
    implements Route {
  /** Hears of changes where nobody records them. */
  private static final TraceListener NOBODY =
      new TraceListener() {
        @Override
        public void snapshot(Snapshot snapshot) {}

        @Override
        public void event(TraceRecord.Event event, CanvasImage after) {}
      };

  /**
   * What a run begins with.
   *
   * @param run before its edits
   * @param shared what its trace shares with another one, if it branches off it unchanged
   */
  private record Start(Run run, Optional<Recording.Beginning> shared) {}

  @Override
  public void answer(Exchange exchange) throws IOException {
    CanvasRequest request = CanvasRequest.read(exchange.fields());
    GenerationParameters parameters = request.parameters();
    served.requireNamed(parameters.model());
    Start start =
        request.trace().isPresent()
            ? fromTrace(request, request.trace().get())
            : new Start(fromSegments(request), Optional.empty());
    Optional<Recording> recording =
        parameters.record() ? Optional.of(recording(start, request)) : Optional.empty();
    Run run = start.run();
    if (!request.edits().isEmpty()) {
      run = edited(run, request.edits(), recording);
    }
    Job job =
        new Job(
            run,
            new TextRange(run.canvas().promptLength(), run.canvas().length(), false),
            List.of(),
            OptionalInt.empty(),
            request.maxSteps(),
            parameters.streaming().wanted() || parameters.returnSteps()
                ? Job.Telling.ALL
                : Job.Telling.NONE,
            recording);
    send(exchange, parameters, job);
  }

  private Run fromSegments(CanvasRequest request) {
    int room = served.language().limits().maxLength();
    CanvasBuilder canvas = new CanvasBuilder(served.language().specials().maskId());
    for (CanvasRequest.Segment segment : request.segments()) {
      switch (segment) {
        case CanvasRequest.Segment.Tokens tokens -> {
          boolean alone = tokens.state() == CellState.PROMPT && canvas.length() == 0;
          canvas.add(
              Served.encoded("canvas", () -> tokens.content().ids(served.tokenizer(), alone)),
              tokens.state());
        }
        case CanvasRequest.Segment.Masks masks -> {
          if (masks.count() > room - canvas.length()) {
            throw RequestException.wrong(
                "canvas",
                "The canvas has more than the %d positions that the model takes.".formatted(room));
          }
          canvas.gap(masks.count(), masks.state());
        }
      }
    }
    CanvasImage image = canvas.canvas();
    if (image.length() == image.promptLength()) {
      throw RequestException.wrong(
          "canvas", "The canvas ends with its prompt: give it positions to fill.");
    }
    Map<String, Object> values = request.parameters().options(0);
    return jobs.on(image, request.at().orElse(Cursor.START), values, request.parameters());
  }

  private Start fromTrace(CanvasRequest request, CanvasRequest.TraceStep from) {
    Trace trace = traces.ofThisModel(from.id());
    if (!trace.header().samplingOptions().isStrict()) {
      throw RequestException.wrong(
          "trace",
          "More than tokens passed between the trace's steps (self_conditioning %s), so no text can go on from one of them: record with top_1 or off."
              .formatted(trace.header().options().get("self_conditioning")));
    }
    try {
      int _ = trace.indexOfStep(from.step());
    } catch (TraceException _) {
      throw RequestException.wrong(
          "step",
          "step %d is not in the trace: use one of its %d, counted from 0."
              .formatted(from.step(), trace.steps()));
    }
    SamplingOptions recorded = trace.optionsBefore(from.step());
    Map<String, Object> given = request.parameters().options(0);
    Map<String, Object> values = new LinkedHashMap<>();
    Object sampler = given.getOrDefault("sampler", recorded.samplerName());
    if (sampler.equals(recorded.samplerName())) {
      values.putAll(recorded.toMap());
    }
    values.putAll(given);
    values.put("sampler", sampler);
    Cursor at = request.at().orElse(trace.cursorBefore(from.step()));
    Run run = jobs.on(trace.canvasBefore(from.step()), at, values, request.parameters());
    boolean unchanged =
        run.sampler().options().toMap().equals(trace.header().samplingOptions().toMap())
            && at.equals(trace.cursorBefore(from.step()));
    return new Start(
        run,
        unchanged ? Optional.of(new Recording.Beginning(trace, from.step())) : Optional.empty());
  }

  private Recording recording(Start start, CanvasRequest request) {
    return start
        .shared()
        .map(shared -> traces.branch(shared, request.edits()))
        .orElseGet(() -> traces.begin(start.run()));
  }

  private Run edited(Run run, List<String> edits, Optional<Recording> recording) {
    PlanReader reader =
        new PlanReader(
            (_, _, _) -> {
              throw new IllegalArgumentException("a server asks no other one");
            },
            Spans.ANSWER);
    int step = run.cursor().step();
    recording.ifPresent(Recording::open);
    try {
      Plan plan =
          new Plan(
              edits.stream()
                  .map(edit -> new Plan.Scheduled(new When.Before(step), reader.transform(edit)))
                  .toList(),
              0,
              false);
      Run steered =
          new SteeredRun(
              Languages.of(served.language().model(), run.specials()),
              plan,
              run,
              step,
              recording.isPresent() ? recording.get() : NOBODY);
      // What the edits do is seen before the first step, unless they ask the model.
      Query _ = steered.ask();
      return steered;
    } catch (IllegalArgumentException e) {
      recording.ifPresent(each -> each.close(() -> {}));
      throw RequestException.wrong("edits", "edits: " + e.getMessage());
    }
  }

  private void send(Exchange exchange, GenerationParameters parameters, Job job)
      throws IOException {
    BlockingQueue<Work> news = new LinkedBlockingQueue<>();
    long deadline = System.nanoTime() + served.limits().time().toNanos();
    Writing writing = new Writing(new Work.Place(0, exchange::isGone, deadline, news), job);
    CanvasBody body = new CanvasBody(served, job, served.id("canvas-"));
    ObjectNode start = body.start();
    try {
      driver.submit(List.of(writing));
    } catch (RequestException refused) {
      job.recording().ifPresent(each -> each.close(() -> {}));
      throw refused;
    }
    try {
      if (parameters.streaming().wanted()) {
        EventStream events = exchange.events();
        stream(events, start, body, writing, news);
      } else {
        List<ObjectNode> steps = new ArrayList<>();
        Outcome.Written end = follow(writing, news, step -> steps.add(body.frame(step, writing)));
        exchange.send(200, body.end(end, parameters.returnSteps() ? steps : List.of()));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw ServiceErrors.ending();
    } finally {
      writing.leave();
    }
  }

  private void stream(
      EventStream events,
      ObjectNode start,
      CanvasBody body,
      Writing writing,
      BlockingQueue<Work> news)
      throws IOException, InterruptedException {
    events.send(start);
    try {
      Outcome.Written end =
          follow(writing, news, step -> events.send(body.step(body.frame(step, writing))));
      events.send(body.end(end, List.of()));
      events.end();
    } catch (RequestException e) {
      events.fail(e);
    }
  }

  /** What is done with a step. */
  private interface OnStep {
    void taken(Writing.Step step) throws IOException;
  }

  private Outcome.Written follow(Writing writing, BlockingQueue<Work> news, OnStep onStep)
      throws IOException, InterruptedException {
    while (true) {
      Work _ = news.take();
      Writing.News told = writing.takeNews();
      for (Writing.Step step : told.steps()) {
        onStep.taken(step);
      }
      if (told.outcome().isPresent()) {
        return written(told.outcome().get());
      }
    }
  }

  private Outcome.Written written(Outcome outcome) throws IOException {
    return switch (outcome) {
      case Outcome.Written written -> written;
      case Outcome.TimedOut _ -> throw ServiceErrors.timedOut(served.limits().time().toSeconds());
      case Outcome.ServerEnds _ -> throw ServiceErrors.ending();
      case Outcome.Unwanted _ -> throw new EofException("the client has gone");
      case Outcome.Failed(RuntimeException failure)
          when failure instanceof IllegalArgumentException ->
          throw RequestException.wrong("edits", "edits: " + failure.getMessage());
      case Outcome.Failed _, Outcome.Scored _ -> throw ServiceErrors.internal();
    };
  }
}
