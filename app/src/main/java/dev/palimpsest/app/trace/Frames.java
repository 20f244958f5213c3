package dev.palimpsest.app.trace;

import dev.palimpsest.sampler.trace.TraceException;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * What a model showed of its canvas, as it was recorded: a JSON object a line, or server-sent
 * events with one each.
 *
 * @param format how the lines were read
 * @param model its name, if a line gives it
 * @param texts the whole text after every step
 */
record Frames(Format format, Optional<String> model, List<String> texts) {
  private static final JsonMapper MAPPER = new JsonMapper();
  private static final String EVENT_DATA = "data:";
  private static final List<String> EVENT_REST = List.of(":", "event:", "id:", "retry:");

  /** What lines hold, by which a file is recognised. */
  enum Format {
    /** {@code text}: the whole text. */
    TEXT,
    /** Mercury's stream with {@code "diffusing": true}: every delta holds the whole text. */
    MERCURY,
    /** Unsloth's stream: the canvas in {@code diffusion_frame}s, what is finished in deltas. */
    UNSLOTH,
    /** A streamer of transformers: {@code draft} is the canvas, {@code put} what is finished. */
    DRAFTS
  }

  /** A line's part in the text. */
  private sealed interface Line {
    /** All of it. */
    record Whole(String text) implements Line {}

    /** A piece of what is finished. In Mercury's stream it is all of the text. */
    record Delta(String text) implements Line {}

    /** What follows the finished text for now. */
    record Canvas(Format format, String text) implements Line {}

    /** Another piece of what is finished. */
    record Put(String text) implements Line {}
  }

  /**
   * Reads a file.
   *
   * @throws TraceException if a line is none that is known, or none holds a text
   */
  static Frames read(Path file) throws IOException {
    List<Line> lines = new ArrayList<>();
    Optional<String> model = Optional.empty();
    int number = 0;
    try {
      for (String line : Files.readAllLines(file)) {
        number++;
        String json = json(line);
        if (json.isEmpty() || json.equals("[DONE]")) {
          continue;
        }
        JsonNode node = MAPPER.readTree(json);
        line(node).ifPresent(lines::add);
        if (model.isEmpty() && node.path("model").isString()) {
          model = Optional.of(node.path("model").stringValue());
        }
      }
    } catch (JacksonException _) {
      throw new TraceException("%s: line %d is not JSON.".formatted(file, number));
    } catch (IllegalArgumentException e) {
      throw new TraceException("%s: line %d: %s.".formatted(file, number, e.getMessage()));
    } catch (CharacterCodingException _) {
      throw new TraceException(file + ": it is not UTF-8.");
    }
    Format format = format(lines);
    List<String> texts = texts(lines, format);
    if (texts.isEmpty()) {
      throw new TraceException(
          file + ": no line holds a text: use one of the formats of docs/trace.md.");
    }
    return new Frames(format, model, texts);
  }

  private static String json(String line) {
    String text = line.strip();
    if (text.startsWith(EVENT_DATA)) {
      return text.substring(EVENT_DATA.length()).strip();
    }
    return EVENT_REST.stream().anyMatch(text::startsWith) ? "" : text;
  }

  private static Optional<Line> line(JsonNode json) {
    if (json.has("error")) {
      throw new IllegalArgumentException(
          "the stream failed there: " + json.path("error").path("message").asString("no reason"));
    }
    if (json.path("type").asString("").equals("diffusion_frame")) {
      return Optional.of(new Line.Canvas(Format.UNSLOTH, text(json, "text")));
    }
    if (json.has("draft")) {
      return Optional.of(new Line.Canvas(Format.DRAFTS, text(json, "draft")));
    }
    if (json.has("put")) {
      return Optional.of(new Line.Put(text(json, "put")));
    }
    if (json.has("choices")) {
      JsonNode content = json.path("choices").path(0).path("delta").path("content");
      return content.isString() && !content.stringValue().isEmpty()
          ? Optional.of(new Line.Delta(content.stringValue()))
          : Optional.empty();
    }
    if (json.has("text")) {
      return Optional.of(new Line.Whole(text(json, "text")));
    }
    if (json.has("type")) { // another event of a server
      return Optional.empty();
    }
    throw new IllegalArgumentException(
        "it has none of \"text\", \"draft\", \"put\", \"choices\" and \"type\"");
  }

  private static String text(JsonNode json, String field) {
    JsonNode text = json.path(field);
    if (!text.isString()) {
      throw new IllegalArgumentException(
          "\"%s\" is %s, and a text is needed".formatted(field, text));
    }
    return text.stringValue();
  }

  private static Format format(List<Line> lines) {
    Format format = Format.MERCURY;
    for (Line line : lines) {
      switch (line) {
        case Line.Canvas canvas -> {
          return canvas.format();
        }
        case Line.Put _ -> {
          return Format.DRAFTS;
        }
        case Line.Whole _ -> format = Format.TEXT;
        case Line.Delta _ -> {}
      }
    }
    return format;
  }

  private static List<String> texts(List<Line> lines, Format format) {
    List<String> texts = new ArrayList<>();
    StringBuilder finished = new StringBuilder();
    for (Line line : lines) {
      switch (line) {
        case Line.Whole whole -> texts.add(whole.text());
        case Line.Canvas canvas -> texts.add(finished + canvas.text());
        case Line.Put put -> finished.append(put.text());
        case Line.Delta delta when format == Format.MERCURY -> texts.add(delta.text());
        case Line.Delta delta -> finished.append(delta.text());
      }
    }
    if (!finished.isEmpty() && (texts.isEmpty() || !texts.getLast().contentEquals(finished))) {
      texts.add(finished.toString());
    }
    return texts;
  }

  /** The same with the mask's sign of traces in place of the model's own. */
  Frames withMask(String mask, char sign) {
    return new Frames(
        format,
        model,
        texts.stream().map(text -> text.replace(mask, String.valueOf(sign))).toList());
  }
}
