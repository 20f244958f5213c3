package dev.palimpsest.lab.battery;

import dev.palimpsest.lab.answer.SpanRule;
import dev.palimpsest.lab.answer.Spans;
import dev.palimpsest.lab.measure.AnswerStatistics;
import dev.palimpsest.lab.measure.Measures;
import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.CellState;
import dev.palimpsest.sampler.canvas.Cursor;
import dev.palimpsest.sampler.canvas.Snapshot;
import dev.palimpsest.sampler.canvas.SnapshotListener;
import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.sampler.method.InvalidOptionException;
import dev.palimpsest.sampler.method.SamplingOptions;
import dev.palimpsest.sampler.run.Generation;
import dev.palimpsest.sampler.run.Request;
import dev.palimpsest.sampler.run.Run;
import dev.palimpsest.sampler.trace.Trace;
import dev.palimpsest.sampler.trace.TraceHeader;
import dev.palimpsest.sampler.trace.TraceWriter;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.IntStream;

/**
 * The text that a model writes for a problem without any change, and what parts of the battery make
 * of it: other canvases, which the same sampler fills with the same seed.
 */
public final class Solution {
  /** Positions that a short answer has beyond those of the answer without a change. */
  private static final int ROOM = 4;

  private final Subject subject;
  private final Task task;
  private final Bench bench;
  private final Recording recording;
  private final Measures measures;
  private final Optional<Spans> spans;
  private final List<int[]> sentences;

  private Solution(Subject subject, Task task, Bench bench, Recording recording) {
    this.subject = subject;
    this.task = task;
    this.bench = bench;
    this.recording = recording;
    measures =
        Measures.of(
            recording.trace(),
            new SpanRule.Matching(subject.answer()),
            Optional.of(task.expected()));
    spans = spans(recording.trace().last());
    sentences =
        spans.map(found -> Sentences.of(found.reasoningPositions(), this::piece)).orElse(List.of());
  }

  /** Lets the model write its text. */
  static Solution of(Subject subject, Task task, Bench bench) {
    int[] prompt = subject.prompt().apply(task.text());
    Run run = subject.generator().run(prompt, subject.options(task));
    return new Solution(subject, task, bench, record(subject, bench, run, task.id()));
  }

  /** The model. */
  public Subject subject() {
    return subject;
  }

  /** The problem. */
  public Task task() {
    return task;
  }

  /** The sampler's options, with the problem's seed. */
  public SamplingOptions options() {
    return recording.trace().header().samplingOptions();
  }

  /** Every step of the text. */
  public Trace trace() {
    return recording.trace();
  }

  /** The trace as a file holds it. */
  public byte[] traceBytes() {
    return recording.bytes();
  }

  /** Forwards of the text. */
  public int nfe() {
    return recording.generation().forwards();
  }

  /** The measures of the text. */
  public Measures measures() {
    return measures;
  }

  /** Where answer and reasoning are; empty if the text has no answer. */
  public Optional<Spans> spans() {
    return spans;
  }

  /** The answer, if the text has one. */
  public Optional<String> answer() {
    return spans.map(Spans::answer);
  }

  /** Whether the answer is the expected one. */
  public boolean right() {
    return answer().equals(Optional.of(task.expected()));
  }

  /** The text up to its end. */
  public String text() {
    return text(recording.trace().last());
  }

  /** The positions of the answer, ascending. */
  public int[] answerPositions() {
    return spans.orElseThrow().answerPositions();
  }

  /** The positions of the reasoning, ascending. */
  public int[] reasoningPositions() {
    return spans.orElseThrow().reasoningPositions();
  }

  /** The reasoning's sentences, each by its positions. */
  public List<int[]> sentences() {
    return sentences;
  }

  /** The reasoning as text. */
  public String reasoning() {
    return text(reasoningPositions());
  }

  /** The text of positions. */
  public String text(int[] positions) {
    return text(recording.trace().last(), positions);
  }

  /** The text of positions of another canvas. */
  public String text(CanvasImage canvas, int[] positions) {
    StringBuilder text = new StringBuilder();
    for (int position : positions) {
      text.append(subject.language().piece(canvas.id(position)));
    }
    return text.toString();
  }

  private String piece(int position) {
    return subject.language().piece(recording.trace().last().id(position));
  }

  /** A draft that begins as the finished text, with its end up to the end of the canvas. */
  public Draft draft() {
    CanvasImage last = recording.trace().last();
    return draft(last).end(last.open(last.promptLength(), last.length()));
  }

  /** A draft that begins as a canvas. */
  public Draft draft(CanvasImage canvas) {
    return new Draft(canvas, options().seed(), subject.language());
  }

  /**
   * A canvas on which the answer is asked for right behind other tokens in place of the reasoning:
   * they, the words that lead to the answer, a few positions to fill, and the end of the text up to
   * the canvas's end.
   *
   * @return empty if they do not fit
   */
  public Optional<CanvasImage> cued(int[] reasoning) {
    CanvasImage last = recording.trace().last();
    int prompt = last.promptLength();
    int[] answer = answerPositions();
    int[] cue = Arrays.copyOfRange(last.ids(), prompt + reasoningPositions().length, answer[0]);
    int from = prompt + reasoning.length + cue.length;
    int to = from + answer.length + ROOM;
    if (to > last.length()) {
      return Optional.empty();
    }
    SpecialTokens specials = subject.language().specials();
    int[] ids = Arrays.copyOf(last.ids(), last.length());
    CellState[] states = last.states();
    System.arraycopy(reasoning, 0, ids, prompt, reasoning.length);
    System.arraycopy(cue, 0, ids, prompt + reasoning.length, cue.length);
    Arrays.fill(states, prompt, from, CellState.FIXED);
    Arrays.fill(ids, from, last.length(), specials.maskId());
    Arrays.fill(states, from, last.length(), CellState.MASKED);
    if (specials.hasEos()) {
      Arrays.fill(ids, to, last.length(), specials.eosId());
      Arrays.fill(states, to, last.length(), CellState.FIXED);
    }
    return Optional.of(CanvasImage.of(ids, states, prompt));
  }

  /**
   * The ids of the first sentences. They end as the whole reasoning does, where only white space
   * differs.
   */
  public int[] told(int count) {
    CanvasImage last = recording.trace().last();
    int[] all = Arrays.stream(reasoningPositions()).map(last::id).toArray();
    int[] ids =
        sentences.stream().limit(count).flatMapToInt(Arrays::stream).map(last::id).toArray();
    int words = words(ids);
    int end = words(all);
    if (words == 0) {
      return new int[0];
    }
    int[] told = Arrays.copyOf(ids, words + all.length - end);
    System.arraycopy(all, end, told, words, all.length - end);
    if (stripped(told[words - 1]).equals(stripped(all[end - 1]))) {
      told[words - 1] = all[end - 1];
    }
    return told;
  }

  /** How many ids there are up to the last that is not white space alone. */
  private int words(int[] ids) {
    int count = ids.length;
    while (count > 0 && stripped(ids[count - 1]).isEmpty()) {
      count--;
    }
    return count;
  }

  private String stripped(int id) {
    return subject.language().piece(id).strip();
  }

  /** What the sampler makes of a canvas that no step has seen. */
  public Generation finish(CanvasImage canvas) {
    return bench.finish(run(canvas));
  }

  /** Takes any run of the same model to its end. */
  public Generation finish(Run run) {
    return bench.finish(run);
  }

  /** Takes several runs to their ends together. */
  public List<Generation> finish(List<Run> runs) {
    return bench.finish(
        runs.stream().map(each -> Request.of(each, SnapshotListener.NONE)).toList());
  }

  /**
   * A run that answers another text, with the same options and seed.
   *
   * @return empty if the model cannot take it, for instance because it is too long
   */
  public Optional<Run> asked(String text) {
    return asked(text, Map.of());
  }

  /**
   * As above, with some options changed.
   *
   * @param changes by their reference names
   */
  public Optional<Run> asked(String text, Map<String, ?> changes) {
    Map<String, Object> values = new LinkedHashMap<>(options().toMap());
    values.putAll(changes);
    try {
      return Optional.of(
          subject
              .generator()
              .run(
                  subject.prompt().apply(text),
                  SamplingOptions.of(options().samplerName(), values)));
    } catch (InvalidOptionException _) {
      return Optional.empty();
    }
  }

  /** A run over a canvas that no step has seen. */
  public Run run(CanvasImage canvas) {
    return run(canvas, Cursor.START);
  }

  /** A run that goes on from a canvas and a cursor. */
  public Run run(CanvasImage canvas, Cursor at) {
    return subject.generator().run(canvas, at, options());
  }

  /** The model's answers to queries. */
  public List<List<Prediction>> predict(List<Query> queries) {
    return bench.predict(queries);
  }

  /** Takes a run to its end and keeps every step. */
  public Recording record(Run run) {
    return record(subject, bench, run, task.id());
  }

  private static Recording record(Subject subject, Bench bench, Run run, String name) {
    ByteArrayOutputStream file = new ByteArrayOutputStream();
    TraceHeader own = subject.header();
    TraceHeader header =
        TraceHeader.of(own.engine(), own.model(), own.machine(), own.promises(), run);
    List<Snapshot> steps = new ArrayList<>(); // written on the problem's thread, not the driver's
    Generation generation = bench.finish(List.of(Request.of(run, steps::add))).getFirst();
    try (TraceWriter writer = new TraceWriter(file, header, subject.language().pieces(), true)) {
      steps.forEach(writer::snapshot);
      writer.end(generation.complete(), generation.canvas());
    }
    byte[] bytes = file.toByteArray();
    return new Recording(generation, bytes, Trace.read(new ByteArrayInputStream(bytes), name));
  }

  /** Where answer and reasoning are on a canvas. */
  public Optional<Spans> spans(CanvasImage canvas) {
    return Spans.of(
        canvas, subject.language().specials(), subject.language().pieces(), subject.answer());
  }

  /** The text on a canvas up to its end or its first mask. */
  public String text(CanvasImage canvas) {
    StringBuilder text = new StringBuilder();
    IntStream.range(canvas.promptLength(), canvas.length())
        .takeWhile(
            position ->
                !canvas.state(position).isOpen()
                    && !subject.language().specials().isStop(canvas.id(position)))
        .forEach(position -> text.append(subject.language().piece(canvas.id(position))));
    return text.toString();
  }

  /** What was known of the answer at every step of a trace. */
  public Optional<AnswerStatistics> statistics(Trace of) {
    return AnswerStatistics.of(
        of, new SpanRule.Matching(subject.answer()), Optional.of(task.expected()));
  }

  /** What became of the answer in another generation. */
  public Observation observe(String part, String condition, Generation generation) {
    return observe(
        part, condition, spans(generation.canvas()).map(Spans::answer), generation.forwards());
  }

  /** As above, of an answer that was come to otherwise. */
  public Observation observe(String part, String condition, Optional<String> found, int nfe) {
    return new Observation(
        part,
        condition,
        OptionalDouble.empty(),
        Optional.empty(),
        found,
        found.isPresent() && found.equals(answer()),
        found.equals(Optional.of(task.expected())),
        nfe,
        Map.of(),
        Map.of());
  }

  /**
   * A text and every step of it.
   *
   * @param bytes the trace as a file holds it
   */
  public record Recording(Generation generation, byte[] bytes, Trace trace) {}
}
