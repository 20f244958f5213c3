package dev.palimpsest.sampler.trace;

import dev.palimpsest.sampler.canvas.CanvasImage;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A trace of texts alone: what a model whose tokens are not known showed of its canvas, frame after
 * frame. What is measured of texts is measured on it; it has no tokens, positions or confidences.
 *
 * @param name for messages: the file's name as it was given
 * @param source where the frames came from
 * @param frames the whole text after every step; {@link #MASK} stands for what is masked
 * @param damage what ended the reading before the trace's end, if anything
 */
public record TextTrace(
    String name, Source source, List<String> frames, Optional<TraceDamage> damage) {
  /** Stands in a frame for a token that is not written yet. */
  public static final char MASK = '░';

  private static final String KIND = "text";
  private static final String TOKENS = "tokens";

  /** Takes its own copy. */
  public TextTrace {
    frames = List.copyOf(frames);
  }

  /**
   * Where frames came from.
   *
   * @param engine the version of the engine that imported them
   * @param format of the file that was imported, or {@code tokens} for a trace of this engine
   * @param sha256 of that file, or the trace's last checksum, hexadecimal
   * @param model the model's name, if it is known
   * @param prompt what was asked, if it is known
   */
  public record Source(
      String engine,
      String format,
      String sha256,
      Optional<String> model,
      Optional<String> prompt) {
    /** Whether a trace of tokens has these texts; its prompt then has the model's own wrapping. */
    public boolean isOfTokens() {
      return format.equals(TOKENS);
    }
  }

  /**
   * The texts of a trace of tokens: of every canvas after a step, up to the first token that ends a
   * text.
   */
  public static TextTrace of(Trace trace) {
    List<String> frames = new ArrayList<>();
    for (int step = 0; step < trace.steps(); step++) {
      frames.add(text(trace, trace.canvasAfterRecord(trace.indexOfStep(step))));
    }
    CanvasImage start = trace.header().start();
    StringBuilder prompt = new StringBuilder();
    for (int position = 0; position < start.promptLength(); position++) {
      prompt.append(trace.piece(start.id(position)));
    }
    return new TextTrace(
        trace.name(),
        new Source(
            trace.header().engine(),
            TOKENS,
            trace.chain(trace.records().size() - 1),
            Optional.of(trace.header().model().name()),
            Optional.of(prompt.toString())),
        frames,
        trace.damage());
  }

  private static String text(Trace trace, CanvasImage canvas) {
    StringBuilder text = new StringBuilder();
    for (int position = canvas.promptLength(); position < canvas.length(); position++) {
      if (canvas.state(position).isOpen()) {
        text.append(MASK);
      } else if (trace.header().specials().isStop(canvas.id(position))) {
        break;
      } else {
        text.append(trace.piece(canvas.id(position)));
      }
    }
    return text.toString();
  }

  /**
   * Whether a file is a trace of texts, by its first line.
   *
   * @throws TraceException if the file is missing
   */
  public static boolean isIn(Path file) {
    requireFile(file);
    try (InputStream in = Trace.open(file)) {
      return ChainedLines.first(in).filter(header -> header.path(KIND).isObject()).isPresent();
    } catch (IOException e) {
      throw new UncheckedIOException(file + ": " + e.getMessage(), e);
    }
  }

  private static void requireFile(Path file) {
    if (!Files.isRegularFile(file)) {
      throw new TraceException(file + ": there is no such trace.");
    }
  }

  /**
   * Reads a trace of texts up to its end or its first damage.
   *
   * @throws TraceException if the file is missing, or its header is none of texts
   */
  public static TextTrace read(Path file) {
    requireFile(file);
    Reading reading = new Reading();
    try (InputStream in = Trace.open(file)) {
      Optional<TraceDamage> damage = ChainedLines.read(in, reading);
      Source source =
          reading.source.orElseThrow(
              () ->
                  new TraceException(
                      "%s: record 1: %s.".formatted(file, damage.orElseThrow().problem())));
      return new TextTrace(file.toString(), source, reading.frames, damage);
    } catch (IOException e) {
      throw new UncheckedIOException(file + ": " + e.getMessage(), e);
    }
  }

  /**
   * Reads a trace of texts that must be whole, except that it may end early.
   *
   * @throws TraceException if the file is missing or a record is not what was written
   */
  public static TextTrace readWhole(Path file) {
    TextTrace trace = read(file);
    TraceDamage.requireUnaltered(file, trace.damage());
    return trace;
  }

  /** Refuses the header of a trace of texts where tokens are needed. */
  static void requireTokens(JsonNode header) {
    if (header.has(KIND)) {
      throw new IllegalArgumentException(
          "it is a trace of texts, imported from frames, and has no tokens; `trace show`, `trace"
              + " check`, `trace stats` and `trace legibility` read it");
    }
  }

  /** Writes it, end included. */
  public void write(OutputStream to) throws IOException {
    OutputStream out = new BufferedOutputStream(to);
    ObjectNode header =
        TraceLines.MAPPER
            .createObjectNode()
            .put("record", "header")
            .put("schema", TraceHeader.MASKS)
            .put("engine", source.engine());
    ObjectNode from =
        header.putObject(KIND).put("format", source.format()).put("sha256", source.sha256());
    source.model().ifPresent(model -> from.put("model", model));
    source.prompt().ifPresent(prompt -> from.put("prompt", prompt));
    String chain = ChainedLines.write(out, header, "");
    for (String frame : frames) {
      chain =
          ChainedLines.write(
              out,
              TraceLines.MAPPER.createObjectNode().put("record", "frame").put("text", frame),
              chain);
    }
    String _ =
        ChainedLines.write(
            out,
            TraceLines.MAPPER.createObjectNode().put("record", "end").put("frames", frames.size()),
            chain);
  }

  /** What the lines of one pass say. */
  private static final class Reading implements ChainedLines.Taker {
    private final List<String> frames = new ArrayList<>();
    private Optional<Source> source = Optional.empty();
    private boolean ended;

    @Override
    public boolean hasEnded() {
      return ended;
    }

    @Override
    public void take(JsonNode json, String chain) {
      if (source.isEmpty()) {
        TraceLines.requireHeader(json);
        JsonNode from = json.path(KIND);
        if (!from.isObject()) {
          throw new IllegalArgumentException("it is not the header of a trace of texts");
        }
        source =
            Optional.of(
                new Source(
                    TraceLines.text(json, "engine"),
                    TraceLines.text(from, "format"),
                    TraceLines.text(from, "sha256"),
                    optional(from, "model"),
                    optional(from, "prompt")));
        return;
      }
      String record = json.path("record").asString("");
      switch (record) {
        case "frame" -> frames.add(TraceLines.text(json, "text"));
        case "end" -> {
          if (json.path("frames").asInt(-1) != frames.size()) {
            throw new IllegalArgumentException(
                "it counts %s frames, and %d precede it"
                    .formatted(json.path("frames"), frames.size()));
          }
          ended = true;
        }
        default ->
            throw new IllegalArgumentException(
                "its record is '" + record + "', and frame or end is read here");
      }
    }

    private static Optional<String> optional(JsonNode json, String field) {
      return json.has(field) ? Optional.of(TraceLines.text(json, field)) : Optional.empty();
    }
  }
}
