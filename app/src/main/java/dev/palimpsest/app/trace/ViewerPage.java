package dev.palimpsest.app.trace;

import dev.palimpsest.app.chart.Html;
import dev.palimpsest.app.terminal.Confidence;
import dev.palimpsest.app.terminal.Wording;
import dev.palimpsest.lab.answer.Spans;
import dev.palimpsest.sampler.canvas.Commit;
import dev.palimpsest.sampler.trace.Trace;
import dev.palimpsest.sampler.trace.TraceHeader;
import dev.palimpsest.sampler.trace.TraceRecord;
import dev.palimpsest.step.Prediction;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.math.MathContext;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * The page of {@code view}: the program in the resource {@code viewer.html} and the traces as JSON
 * in it. What steps committed is there to the last bit; predictions have six digits, which keeps a
 * page of 256 positions and 256 steps small.
 */
public final class ViewerPage {
  private static final JsonMapper MAPPER = new JsonMapper();
  private static final MathContext SIX_DIGITS = new MathContext(6);

  private ViewerPage() {}

  /**
   * The page of some traces.
   *
   * @param pattern finds the answer in a text
   */
  public static String of(List<Trace> traces, Pattern pattern) {
    ArrayNode all = MAPPER.createArrayNode();
    traces.forEach(trace -> all.add(json(trace, pattern)));
    return dressed(resource("viewer.html")).replace("@TRACES@", Html.script(all.toString()));
  }

  /** A page with the style of all pages that show canvases, and the grades of confidence. */
  public static String dressed(String page) {
    return page.replace("@STYLE@", resource("page.css")).replace("@GRADES@", grades().toString());
  }

  private static ObjectNode grades() {
    ObjectNode grades = MAPPER.createObjectNode();
    for (Confidence grade : Confidence.values()) {
      grades.put(grade.name().toLowerCase(Locale.ROOT), grade.least());
    }
    return grades;
  }

  private static String resource(String name) {
    try (InputStream in = ViewerPage.class.getResourceAsStream(name)) {
      if (in == null) {
        throw new IllegalStateException(name + " is not in the jar");
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static ObjectNode json(Trace trace, Pattern pattern) {
    TraceHeader header = trace.header();
    ObjectNode json = MAPPER.createObjectNode();
    json.put("name", Path.of(trace.name()).getFileName().toString());
    json.put("mask", header.specials().maskId());
    ArrayNode stops = json.putArray("stops").add(header.specials().eosId());
    header.specials().eotId().ifPresent(stops::add);
    header.specials().otherStops().forEach(stops::add);
    json.put("promptLength", header.start().promptLength());
    ArrayNode ids = json.putArray("ids");
    StringBuilder states = new StringBuilder();
    for (int position = 0; position < header.start().length(); position++) {
      ids.add(header.start().id(position));
      states.append(
          switch (header.start().state(position)) {
            case MASKED -> 'M';
            case NOISE -> 'N';
            case PROMPT, COMMITTED, FIXED -> 'C';
          });
    }
    json.put("states", states.toString());
    ObjectNode pieces = json.putObject("pieces");
    trace.pieces().forEach((id, text) -> pieces.put(String.valueOf(id), text));
    ArrayNode answer = json.putArray("answer");
    Spans.of(trace.last(), header.specials(), trace::piece, pattern)
        .ifPresent(spans -> Arrays.stream(spans.answerPositions()).forEach(answer::add));
    about(json.putObject("about"), trace);
    ArrayNode frames = json.putArray("frames");
    int step = 0;
    for (TraceRecord record : trace.records()) {
      switch (record) {
        case TraceRecord.Step each -> frame(frames.addObject(), each, step++);
        case TraceRecord.Event each -> frame(frames.addObject(), each, step);
        case TraceRecord.End _ -> {}
      }
    }
    return json;
  }

  private static void about(ObjectNode about, Trace trace) {
    TraceHeader header = trace.header();
    about.put("trace", trace.name());
    about.put("model", header.model().name() + ", SHA-256 " + header.model().sha256());
    about.put("sampler", header.sampler());
    StringBuilder options = new StringBuilder();
    header.options().forEach((name, value) -> options.append(name + " " + value + ", "));
    about.put("options", options.substring(0, Math.max(0, options.length() - 2)));
    about.put("machine", header.machine().device() + "; " + header.machine().backend());
    about.put("engine", header.engine());
    header
        .origin()
        .ifPresent(
            origin ->
                about.put(
                    "branch",
                    "from step " + origin.step() + ": " + String.join("; ", origin.edits())));
    if (!header.inside().isEmpty()) {
      about.put("changed inside its steps", String.join("; ", header.inside()));
    }
    about.put(
        "end",
        trace
            .end()
            .map(
                end ->
                    "%s after %d forwards%s"
                        .formatted(
                            end.complete() ? "complete" : "stopped",
                            end.forwards(),
                            Wording.idle(trace.idleSteps())))
            .orElse("cut off"));
  }

  private static void frame(ObjectNode frame, TraceRecord.Step step, int number) {
    frame.put("kind", "step").put("step", number).put("block", step.at().block());
    commits(frame.putArray("commits"), step.commits());
    commits(frame.putArray("edits"), step.edits());
    frame.putArray("writes");
    ints(frame.putArray("remasked"), step.remasked());
    ArrayNode noise = frame.putArray("noise");
    step.noise().forEach(each -> noise.addArray().add(each.position()).add(each.id()));
    step.asked()
        .ifPresent(
            asked -> {
              ints(frame.putArray("rows"), asked.rows());
              ArrayNode predictions = frame.putArray("predictions");
              asked.predictions().forEach(each -> prediction(predictions.addArray(), each));
              ArrayNode rows = frame.putArray("alternatives");
              asked.predictions().forEach(each -> alternatives(rows.addArray(), each));
            });
  }

  private static void frame(ObjectNode frame, TraceRecord.Event event, int step) {
    frame.put("kind", "event").put("step", step).put("block", event.at().block());
    frame.put("name", event.name()).put("cause", event.cause());
    frame.putArray("commits");
    frame.putArray("edits");
    ArrayNode writes = frame.putArray("writes");
    event.writes().forEach((position, id) -> writes.addArray().add(position).add(id));
    ints(frame.putArray("remasked"), event.remasked());
    frame.putArray("noise");
  }

  private static void commits(ArrayNode array, List<Commit> commits) {
    for (Commit commit : commits) {
      array
          .addArray()
          .add(commit.position())
          .add(commit.token())
          .add(commit.confidence())
          .add(commit.entropy())
          .add(commit.margin());
    }
  }

  private static void prediction(ArrayNode array, Prediction prediction) {
    array.add(prediction.token()).add(short6(prediction.probability())).add(prediction.argmax());
    array.add(short6(prediction.top())).add(short6(prediction.second()));
    array.add(short6(prediction.entropy()));
  }

  private static void alternatives(ArrayNode row, Prediction prediction) {
    prediction
        .alternatives()
        .forEach(each -> row.addArray().add(each.token()).add(short6(each.probability())));
  }

  private static double short6(double value) {
    return new BigDecimal(value).round(SIX_DIGITS).doubleValue();
  }

  private static void ints(ArrayNode array, List<Integer> values) {
    values.forEach(array::add);
  }
}
