package dev.palimpsest.app.serve;

import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.CellState;
import dev.palimpsest.sampler.canvas.Cursor;
import dev.palimpsest.sampler.method.SamplingOptions;
import java.time.Instant;
import java.util.List;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** The bodies of an answer of {@code /v1/canvas}. */
final class CanvasBody {
  private final Served served;
  private final Job job;
  private final String id;
  private final long created = Instant.now().getEpochSecond();
  private final StepFrame frames;

  CanvasBody(Served served, Job job, String id) {
    this.served = served;
    this.job = job;
    this.id = id;
    frames = new StepFrame(served);
  }

  /** The canvas before the first step, and how it is filled. */
  ObjectNode start() {
    return canvas(envelope("canvas.start"), job.run().canvas(), job.run().cursor());
  }

  /** What is told of a step. */
  ObjectNode frame(Writing.Step step, Writing writing) {
    ObjectNode frame = frames.of(step, job.range(), writing.leftOut());
    StepFrame.put(frame.putObject("next"), step.next());
    return frame;
  }

  /** An event of a step. */
  ObjectNode step(ObjectNode frame) {
    ObjectNode event = envelope("canvas.step");
    event.set("diffusion", frame);
    return event;
  }

  /** The canvas after the last step, in a form that a request takes. */
  ObjectNode end(Outcome.Written written, List<ObjectNode> steps) {
    ObjectNode body =
        canvas(envelope("canvas"), written.generation().canvas(), written.next())
            .put("finished", written.generation().complete())
            .put("nfe", written.generation().forwards());
    if (!steps.isEmpty()) {
      ArrayNode all = body.putArray("steps");
      steps.forEach(all::add);
    }
    return body;
  }

  private ObjectNode envelope(String object) {
    ObjectNode body =
        JsonNodeFactory.instance
            .objectNode()
            .put("id", id)
            .put("object", object)
            .put("created", created)
            .put("model", served.name());
    job.trace().ifPresent(trace -> body.put("trace", trace));
    return body;
  }

  private ObjectNode canvas(ObjectNode body, CanvasImage canvas, Cursor next) {
    segments(body.putArray("canvas"), canvas);
    StepFrame.put(body.putObject("at"), next);
    SamplingOptions options = job.run().sampler().options();
    body.put("sampler", options.samplerName());
    ObjectNode values = body.putObject("options");
    options
        .toMap()
        .forEach(
            (name, value) -> {
              if (!name.equals("gen_length")) {
                values.putPOJO(name, value);
              }
            });
    ArrayNode ids = body.putArray("ids");
    ArrayNode pieces = body.putArray("pieces");
    for (int position = 0; position < canvas.length(); position++) {
      ids.add(canvas.id(position));
      pieces.add(frames.piece(canvas, position));
    }
    return body.put("states", CellState.letters(canvas))
        .put("prompt_length", canvas.promptLength())
        .put("text", frames.text(canvas, job.range()));
  }

  private static void segments(ArrayNode segments, CanvasImage canvas) {
    int position = 0;
    while (position < canvas.length()) {
      CellState state = canvas.state(position);
      int end = position;
      while (end < canvas.length() && canvas.state(end) == state) {
        end++;
      }
      ObjectNode segment = segments.addObject();
      if (state == CellState.MASKED) {
        segment.put("mask", end - position);
      } else {
        ArrayNode tokens = segment.putArray("tokens");
        for (; position < end; position++) {
          tokens.add(canvas.id(position));
        }
        segment.put(
            "state",
            switch (state) {
              case PROMPT -> "prompt";
              case COMMITTED -> "written";
              case FIXED -> "fixed";
              case MASKED -> "masked";
              case NOISE -> "noise";
            });
      }
      position = end;
    }
  }
}
