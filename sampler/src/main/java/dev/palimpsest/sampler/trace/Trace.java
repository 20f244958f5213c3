package dev.palimpsest.sampler.trace;

import com.github.luben.zstd.ZstdInputStream;
import dev.palimpsest.sampler.canvas.Canvas;
import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.Cursor;
import dev.palimpsest.sampler.canvas.Turn;
import dev.palimpsest.sampler.method.SamplingOptions;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.IntStream;
import tools.jackson.databind.JsonNode;

/**
 * A trace as it was read: every record, and every canvas rebuilt from them. What was read before a
 * damage is whole: each record's checksum and the checksum of each rebuilt canvas were right.
 */
public final class Trace {
  private final String name;
  private final TraceHeader header;
  private final List<TraceRecord> records;
  private final List<CanvasImage> canvases;
  private final List<String> chains;
  private final List<Integer> steps;
  private final Map<Integer, String> pieces;
  private final Optional<TraceDamage> damage;

  private Trace(
      String name,
      TraceHeader header,
      List<TraceRecord> records,
      List<CanvasImage> canvases,
      List<String> chains,
      Map<Integer, String> pieces,
      Optional<TraceDamage> damage) {
    this.name = name;
    this.header = header;
    this.records = List.copyOf(records);
    this.canvases = List.copyOf(canvases);
    this.chains = List.copyOf(chains);
    this.pieces = Collections.unmodifiableMap(pieces);
    this.damage = damage;
    List<Integer> found = new ArrayList<>();
    for (int index = 0; index < records.size(); index++) {
      if (records.get(index) instanceof TraceRecord.Step) {
        found.add(index);
      }
    }
    steps = List.copyOf(found);
  }

  /**
   * Reads a trace up to its end or its first damage.
   *
   * @throws TraceException if the file is missing or its header cannot be read
   */
  public static Trace read(Path file) {
    if (!Files.isRegularFile(file)) {
      throw new TraceException(file + ": there is no such trace.");
    }
    try (InputStream in = open(file)) {
      return read(in, file.toString());
    } catch (IOException e) {
      throw new UncheckedIOException(file + ": " + e.getMessage(), e);
    }
  }

  /**
   * Reads a trace that must be whole, except that it may end early, as that of a killed run does.
   *
   * @throws TraceException if the file is missing or a record is not what was written
   */
  public static Trace readWhole(Path file) {
    Trace trace = read(file);
    TraceDamage.requireUnaltered(file, trace.damage());
    return trace;
  }

  static InputStream open(Path file) throws IOException {
    boolean packed = file.toString().endsWith(".zst");
    if (packed) {
      ZstdLibrary.require();
    }
    InputStream in = new BufferedInputStream(Files.newInputStream(file));
    if (!packed) {
      return in;
    }
    try {
      // Continuous: a frame that was cut off still gives what was flushed.
      return new BufferedInputStream(new ZstdInputStream(in).setContinuous(true));
    } catch (IOException e) {
      in.close();
      throw e;
    }
  }

  /**
   * Reads a trace that is not packed up to its end or its first damage.
   *
   * @param in read to its end, not closed
   * @param name for messages
   * @throws TraceException if the header cannot be read
   */
  public static Trace read(InputStream in, String name) {
    Reading reading = new Reading();
    Optional<TraceDamage> damage = ChainedLines.read(in, reading);
    TraceHeader header =
        reading.header.orElseThrow(
            () ->
                new TraceException(
                    "%s: record 1: %s.".formatted(name, damage.orElseThrow().problem())));
    return new Trace(
        name, header, reading.records, reading.canvases, reading.chains, reading.pieces, damage);
  }

  /** What it is called: the file's name as it was given. */
  public String name() {
    return name;
  }

  /** What the generation began with. */
  public TraceHeader header() {
    return header;
  }

  /**
   * Refuses a trace whose steps do not follow from the tokens that it holds: they were changed
   * inside, or more than tokens passed between them.
   *
   * @param what cannot be done with it, as "they cannot be replayed"
   * @throws TraceException if they were
   */
  public void requireOwnSteps(String what) {
    if (!header.samplingOptions().isStrict()) {
      throw new TraceException(
          "%s: more than tokens passed between its steps (self_conditioning %s), and a trace holds tokens: %s, and no guarantee is claimed of them."
              .formatted(name, header.options().get("self_conditioning"), what));
    }
    if (!header.inside().isEmpty()) {
      throw new TraceException(
          "%s: its steps were changed inside (%s) and are not the model's own: %s, and no guarantee is claimed of them."
              .formatted(name, String.join("; ", header.inside()), what));
    }
  }

  /** Everything after the header. */
  public List<TraceRecord> records() {
    return records;
  }

  /** What ended the reading before the trace's end, if anything. */
  public Optional<TraceDamage> damage() {
    return damage;
  }

  /** The record of the end, if the generation had one. */
  public Optional<TraceRecord.End> end() {
    return !records.isEmpty() && records.getLast() instanceof TraceRecord.End end
        ? Optional.of(end)
        : Optional.empty();
  }

  /** How many steps were recorded. */
  public int steps() {
    return steps.size();
  }

  /** Steps that asked nothing, for which no forward was run. */
  public int idleSteps() {
    return (int) IntStream.range(0, steps()).filter(index -> step(index).forwards() == 0).count();
  }

  /** The index into {@link #records} of the step with this index. */
  public int indexOfStep(int step) {
    if (step < 0 || step >= steps.size()) {
      throw new TraceException(
          "%s: step %d is not in the trace: use 0 to %d.".formatted(name, step, steps.size() - 1));
    }
    return steps.get(step);
  }

  /** A step by its index, from 0. */
  public TraceRecord.Step step(int step) {
    return (TraceRecord.Step) records.get(indexOfStep(step));
  }

  /**
   * The canvas that a step read: what came before it, changes from outside too. One past the last
   * step is the canvas at the end.
   */
  public CanvasImage canvasBefore(int step) {
    return step == steps() ? last() : canvases.get(indexOfStep(step));
  }

  /** The canvas right after a record, by its index in {@link #records}; -1 is the header. */
  public CanvasImage canvasAfterRecord(int index) {
    return canvases.get(index + 1);
  }

  /** The canvas at the end. */
  public CanvasImage last() {
    return canvases.getLast();
  }

  /** Where the run was before a step. */
  public Cursor cursorBefore(int step) {
    return step(step).at();
  }

  /**
   * The sampler's options before a step: the header's, with the seed of the last change from
   * outside that brought one.
   */
  public SamplingOptions optionsBefore(int step) {
    SamplingOptions options = header.samplingOptions();
    for (TraceRecord record : records.subList(0, indexOfStep(step))) {
      if (record instanceof TraceRecord.Event event && event.seed().isPresent()) {
        options = options.withSeed(event.seed().getAsLong());
      }
    }
    return options;
  }

  /** The checksum that ends the record with this index; -1 is the header. */
  public String chain(int index) {
    return chains.get(index + 1);
  }

  /** The text of an id that occurs in the trace. */
  public String piece(int id) {
    return pieces.getOrDefault(id, "⟨" + id + "⟩");
  }

  /** The texts of all ids that occur, by id. */
  public Map<Integer, String> pieces() {
    return pieces;
  }

  /** What a record does to the canvas before it. */
  static CanvasImage apply(TraceRecord record, CanvasImage before, int maskId) {
    Canvas canvas = new Canvas(before, maskId);
    switch (record) {
      case TraceRecord.Step step -> canvas.apply(step.turn());
      case TraceRecord.Event event ->
          canvas.apply(Turn.outside(before, event.writes(), event.remasked(), event.at()));
      case TraceRecord.End _ -> {}
    }
    return canvas.image();
  }

  /** What the lines of one pass say. */
  private static final class Reading implements ChainedLines.Taker {
    private final List<TraceRecord> records = new ArrayList<>();
    private final List<CanvasImage> canvases = new ArrayList<>();
    private final List<String> chains = new ArrayList<>();
    private final Map<Integer, String> pieces = new TreeMap<>();
    private Optional<TraceHeader> header = Optional.empty();

    @Override
    public boolean hasEnded() {
      return !records.isEmpty() && records.getLast() instanceof TraceRecord.End;
    }

    @Override
    public void take(JsonNode json, String chain) {
      CanvasImage canvas = canvas(json);
      if (!Checksum.of(canvas).equals(json.path("canvas").asString(""))) {
        throw new IllegalArgumentException("the canvas rebuilt from it has another checksum");
      }
      canvases.add(canvas);
      chains.add(chain);
      json.path("pieces")
          .properties()
          .forEach(each -> pieces.put(Integer.valueOf(each.getKey()), each.getValue().asString()));
    }

    private CanvasImage canvas(JsonNode json) {
      if (header.isEmpty()) {
        TextTrace.requireTokens(json);
        TraceHeader read = TraceLines.header(json);
        header = Optional.of(read);
        return read.start();
      }
      TraceRecord record = TraceLines.record(json);
      CanvasImage canvas = apply(record, canvases.getLast(), header.get().specials().maskId());
      records.add(record);
      return canvas;
    }
  }
}
