package dev.palimpsest.app.serve;

import dev.palimpsest.app.openai.CompletionRequest.RawPrompt;
import dev.palimpsest.app.openai.Fields;
import dev.palimpsest.app.openai.GenerationParameters;
import dev.palimpsest.app.openai.RequestException;
import dev.palimpsest.sampler.canvas.CellState;
import dev.palimpsest.sampler.canvas.Cursor;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import tools.jackson.databind.JsonNode;

/**
 * A request of {@code /v1/canvas}.
 *
 * @param segments of the canvas, if it begins with one
 * @param trace that it begins with otherwise
 * @param at where the run is; what the trace says, or the first step, if it is not there
 * @param edits interventions on the canvas, in the words of the command line
 * @param maxSteps steps that are taken at most, if not all
 * @param parameters of the generation
 */
record CanvasRequest(
    List<Segment> segments,
    Optional<TraceStep> trace,
    Optional<Cursor> at,
    List<String> edits,
    OptionalInt maxSteps,
    GenerationParameters parameters) {
  private static final int MOST = 1 << 24;
  private static final int MOST_EDITS = 64;

  /** What stands on a stretch of a canvas. */
  sealed interface Segment {
    /** Tokens in a state other than {@link CellState#MASKED}. */
    record Tokens(RawPrompt content, CellState state) implements Segment {}

    /** Masks, which are filled or, if they are frozen, never. */
    record Masks(int count, CellState state) implements Segment {}
  }

  /** A canvas that a recorded step read. */
  record TraceStep(String id, int step) {}

  /**
   * Reads a request.
   *
   * @throws RequestException naming the first parameter that is wrong
   */
  static CanvasRequest read(Fields fields) {
    List<Segment> segments = segments(fields.objects("canvas"));
    Optional<String> trace = fields.text("trace");
    OptionalInt step = fields.integer("step", 0, MOST);
    if (segments.isEmpty() == trace.isEmpty()) {
      throw RequestException.wrong(
          "canvas", "A canvas or a trace is what a run begins with: give one of the two.");
    }
    if (trace.isPresent() != step.isPresent()) {
      throw RequestException.wrong("step", "step and trace belong together: give both.");
    }
    CanvasRequest request =
        new CanvasRequest(
            segments,
            trace.map(id -> new TraceStep(id, step.getAsInt())),
            fields.object("at").map(CanvasRequest::cursor),
            edits(fields),
            fields.integer("max_steps", 1, MOST),
            GenerationParameters.read(fields));
    fields.requireAllKnown();
    requireOneText(request.parameters());
    return request;
  }

  private static void requireOneText(GenerationParameters parameters) {
    if (parameters.n() > 1) {
      throw RequestException.wrong(
          "n", "n %d texts do not fit one canvas: use 1.".formatted(parameters.n()));
    }
    if (!parameters.stop().isEmpty()) {
      throw RequestException.wrong("stop", "stop ends texts, and a canvas is none: leave it out.");
    }
    if (parameters.streaming().wholeTexts() || parameters.streaming().usage()) {
      throw RequestException.wrong(
          "stream", "A stream of a canvas has steps: leave diffusing and stream_options out.");
    }
    if (parameters.options().containsKey("gen_length")) {
      String name = parameters.spelled("gen_length");
      throw RequestException.wrong(
          name, name + " is the number of positions behind the prompt: leave it out.");
    }
  }

  private static Cursor cursor(Fields at) {
    Cursor cursor =
        new Cursor(
            at.integer("step", 0, MOST).orElse(0),
            at.integer("block", 0, MOST).orElse(0),
            at.integer("step_in_block", 0, MOST).orElse(0),
            at.integer("steps_full", 0, MOST).orElse(0));
    at.requireAllKnown();
    return cursor;
  }

  private static List<Segment> segments(List<Fields> all) {
    List<Segment> segments = new ArrayList<>();
    boolean inPrompt = true;
    for (Fields each : all) {
      Segment segment = segment(each, inPrompt);
      boolean isPrompt =
          segment instanceof Segment.Tokens(_, CellState state) && state == CellState.PROMPT;
      if (isPrompt && !inPrompt) {
        throw RequestException.wrong(
            each.path("state"),
            each.path("state") + " \"prompt\" is for what a canvas begins with.");
      }
      inPrompt = isPrompt;
      segments.add(segment);
    }
    return segments;
  }

  private static Segment segment(Fields fields, boolean inPrompt) {
    OptionalInt masks = fields.integer("mask", 1, MOST);
    Optional<RawPrompt> content = RawPrompt.read(fields, "text").or(() -> ids(fields));
    Optional<String> state = fields.text("state");
    fields.requireAllKnown();
    if (masks.isPresent() == content.isPresent()) {
      throw RequestException.wrong(
          fields.path("mask"),
          "A segment has \"text\", \"tokens\" or \"mask\", and %s is wrong."
              .formatted(fields.path("mask")));
    }
    if (masks.isPresent()) {
      return new Segment.Masks(
          masks.getAsInt(),
          switch (state.orElse("masked")) {
            case "masked" -> CellState.MASKED;
            case "frozen" -> CellState.FIXED;
            default -> throw wrongState(fields, state, "\"masked\" or \"frozen\"");
          });
    }
    return new Segment.Tokens(
        content.get(),
        switch (state.orElse(inPrompt ? "prompt" : "fixed")) {
          case "prompt" -> CellState.PROMPT;
          case "fixed" -> CellState.FIXED;
          case "written" -> CellState.COMMITTED;
          default -> throw wrongState(fields, state, "\"prompt\", \"fixed\" or \"written\"");
        });
  }

  private static Optional<RawPrompt> ids(Fields fields) {
    return fields.value("tokens").map(_ -> new RawPrompt.Ids(fields.ids("tokens")));
  }

  private static RequestException wrongState(Fields fields, Optional<String> state, String right) {
    String name = fields.path("state");
    return RequestException.wrong(
        name, "%s \"%s\" is unknown here: use %s.".formatted(name, state.orElse(""), right));
  }

  /** Interventions; those that ask other servers or search by expressions are not for strangers. */
  private static List<String> edits(Fields fields) {
    List<String> edits = new ArrayList<>();
    for (JsonNode each : fields.list("edits")) {
      String name = "edits[" + edits.size() + "]";
      if (!each.isString() || edits.size() == MOST_EDITS) {
        throw RequestException.wrong(
            name, name + " is no intervention, as \"remask in=0-3 share=1\", or one too many.");
      }
      String words = each.stringValue();
      if (words.contains("in=/") || words.contains("how=endpoint")) {
        throw RequestException.wrong(
            name, name + ": a server takes no in=/REGEX/ and no how=endpoint.");
      }
      edits.add(words);
    }
    return edits;
  }
}
