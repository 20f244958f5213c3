package dev.palimpsest.lab.study;

import dev.palimpsest.lab.answer.SpanRule;
import dev.palimpsest.lab.answer.Spans;
import dev.palimpsest.lab.measure.AnswerStatistics;
import dev.palimpsest.lab.plan.EquationRewriter;
import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.CellState;
import dev.palimpsest.sampler.canvas.Snapshot;
import dev.palimpsest.sampler.canvas.SnapshotListener;
import dev.palimpsest.sampler.intervention.CanvasTransform;
import dev.palimpsest.sampler.intervention.Change;
import dev.palimpsest.sampler.intervention.Corrupt;
import dev.palimpsest.sampler.intervention.Language;
import dev.palimpsest.sampler.intervention.Paraphrase;
import dev.palimpsest.sampler.intervention.Paraphraser;
import dev.palimpsest.sampler.intervention.Plan;
import dev.palimpsest.sampler.intervention.Region;
import dev.palimpsest.sampler.intervention.Remask;
import dev.palimpsest.sampler.intervention.SteeredRun;
import dev.palimpsest.sampler.intervention.StepContext;
import dev.palimpsest.sampler.intervention.When;
import dev.palimpsest.sampler.method.LladaOptions;
import dev.palimpsest.sampler.method.Sampler;
import dev.palimpsest.sampler.run.Driver;
import dev.palimpsest.sampler.run.Generation;
import dev.palimpsest.sampler.run.Request;
import dev.palimpsest.sampler.run.Run;
import dev.palimpsest.sampler.run.SamplerRun;
import dev.palimpsest.sampler.statistics.CommitSteps;
import dev.palimpsest.sampler.trace.Trace;
import dev.palimpsest.sampler.trace.TraceHeader;
import dev.palimpsest.sampler.trace.TraceListener;
import dev.palimpsest.sampler.trace.TraceRecord;
import dev.palimpsest.sampler.trace.TraceRelay;
import dev.palimpsest.sampler.trace.TraceWriter;
import dev.palimpsest.step.Denoiser;
import dev.palimpsest.step.Philox;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Generates an answer to every question, then again from edited canvases, and in loops of sampling,
 * paraphrasing and masking again.
 *
 * <p>Each branch goes on from the canvas and the cursor of its step with the same seed, as {@code
 * branch} does; each loop is a steered run with a plan of as many rounds. Many run at once.
 */
public final class Experiment {
  /** The control that edits nothing. */
  public static final String NONE = "none";

  /** One filled digit of the reasoning becomes another digit. */
  public static final String DIGIT = "digit";

  /** The control of {@link #DIGIT}: a digit over a filled position that is none. */
  public static final String ELSEWHERE = "elsewhere";

  /** The terms of every complete sum of the reasoning are exchanged. */
  public static final String PARAPHRASE = "paraphrase";

  /** The answer, all of it filled, is masked again: the control of {@link #DIGIT_REMASKED}. */
  public static final String REMASKED = "answer_remasked";

  /** {@link #DIGIT}, and the answer, all of it filled, is masked again. */
  public static final String DIGIT_REMASKED = "digit_answer_remasked";

  /** The loop that paraphrases and masks again. */
  public static final String LOOP = "paraphrase_remask";

  /** The control of {@link #LOOP}: masks again and paraphrases nothing. */
  public static final String LOOP_REMASK = "remask";

  /** A generation without a loop. */
  public static final String PLAIN = "plain";

  private final Denoiser denoiser;
  private final Language language;
  private final Pattern answer;
  private final Design design;
  private final TraceHeader header;
  private final long maxTokens;

  /**
   * An experiment.
   *
   * @param answer finds the answer in a text; its one group is the answer
   * @param header of one of its runs: where they are computed
   * @param maxTokens bound on the tokens of a forward; changes no result
   */
  public Experiment(
      Denoiser denoiser,
      Language language,
      Pattern answer,
      Design design,
      TraceHeader header,
      long maxTokens) {
    this.denoiser = denoiser;
    this.language = language;
    this.answer = answer;
    this.design = design;
    this.header = header;
    this.maxTokens = maxTokens;
  }

  /**
   * Measures questions, all at once.
   *
   * @return in their order
   * @throws CancellationException if the thread is interrupted
   */
  public List<Item> measure(List<Question> questions) {
    List<Trace> traces = generate(questions);
    List<Draft> drafts = new ArrayList<>();
    for (int index = 0; index < questions.size(); index++) {
      drafts.add(new Draft(questions.get(index), traces.get(index)));
    }
    branch(drafts);
    loop(drafts, LOOP, new EquationRewriter());
    loop(drafts, LOOP_REMASK, new Paraphraser.Identity());
    for (int steps : design.plainSteps()) {
      plain(drafts, steps);
    }
    return drafts.stream().map(Draft::item).toList();
  }

  private List<Trace> generate(List<Question> questions) {
    List<Request> requests = new ArrayList<>();
    List<ByteArrayOutputStream> files = new ArrayList<>();
    List<TraceWriter> writers = new ArrayList<>();
    List<Generation> generations;
    try (TraceRelay relay = new TraceRelay(questions.size())) {
      List<TraceRelay.Track> tracks = new ArrayList<>();
      for (Question question : questions) {
        Run run = start(question, design.options().steps());
        ByteArrayOutputStream file = new ByteArrayOutputStream();
        TraceWriter writer = new TraceWriter(file, header(run), language.pieces(), true);
        files.add(file);
        writers.add(writer);
        TraceRelay.Track track = relay.to(writer);
        tracks.add(track);
        requests.add(Request.of(run, track));
      }
      generations = finish(requests);
      tracks.forEach(TraceRelay.Track::flush);
    }
    List<Trace> traces = new ArrayList<>();
    for (int index = 0; index < requests.size(); index++) {
      try (TraceWriter writer = writers.get(index)) {
        writer.end(true, generations.get(index).canvas());
      }
      String name = "problem " + questions.get(index).number();
      traces.add(Trace.read(new ByteArrayInputStream(files.get(index).toByteArray()), name));
    }
    return traces;
  }

  private TraceHeader header(Run run) {
    return TraceHeader.of(
        header.engine(), header.model(), header.machine(), header.promises(), run);
  }

  private void branch(List<Draft> drafts) {
    List<Request> requests = new ArrayList<>();
    List<Draft> owners = new ArrayList<>();
    List<Pending> pending = new ArrayList<>();
    for (Draft draft : drafts) {
      for (Pending each : draft.edits()) {
        requests.add(Request.of(each.run(), SnapshotListener.NONE));
        owners.add(draft);
        pending.add(each);
      }
    }
    List<Generation> generations = finish(requests);
    for (int index = 0; index < requests.size(); index++) {
      owners.get(index).add(pending.get(index), generations.get(index).canvas());
    }
  }

  private void loop(List<Draft> drafts, String loop, Paraphraser paraphraser) {
    Plan plan =
        new Plan(
            List.of(
                new Plan.Scheduled(
                    new When.EveryRound(), new Paraphrase(new Region.All(), paraphraser)),
                new Plan.Scheduled(
                    new When.EveryRound(), new Remask(new Region.All(), design.share(), true))),
            design.rounds(),
            false);
    List<Round> rounds = new ArrayList<>();
    List<Request> requests = new ArrayList<>();
    for (Draft draft : drafts) {
      Round round = new Round(draft, loop);
      rounds.add(round);
      Run run = start(draft.question, design.roundSteps());
      requests.add(Request.of(new SteeredRun(language, plan, run, 0, round), round));
    }
    finish(requests);
    rounds.forEach(Round::end);
  }

  private void plain(List<Draft> drafts, int steps) {
    List<Generation> generations =
        finish(
            drafts.stream()
                .map(each -> Request.of(start(each.question, steps), SnapshotListener.NONE))
                .toList());
    for (int index = 0; index < drafts.size(); index++) {
      Generation plain = generations.get(index);
      drafts.get(index).add(PLAIN, 0, steps, plain.forwards(), 0, 0, plain.canvas());
    }
  }

  private Run start(Question question, int steps) {
    LladaOptions options = design.options().toBuilder().steps(steps).seed(seed(question)).build();
    return new SamplerRun(
        options.sampler(language.specials()), question.prompt(), options.genLength());
  }

  private long seed(Question question) {
    return design.options().seed() + question.number();
  }

  /** Takes requests to their ends, as many at once as there is room for. */
  private List<Generation> finish(List<Request> requests) {
    List<Generation> generations = new Driver(denoiser, maxTokens).finish(requests);
    if (Thread.currentThread().isInterrupted()) {
      throw new CancellationException("the experiment was interrupted");
    }
    return generations;
  }

  /** What transforms do to a canvas, one after another. */
  private Edit edit(List<CanvasTransform> transforms, Run run, int steps, long seed) {
    CanvasImage canvas = run.canvas();
    List<Item.Write> writes = new ArrayList<>();
    List<Integer> remasked = new ArrayList<>();
    for (CanvasTransform transform : transforms) {
      CanvasImage now = canvas;
      StepContext context =
          new StepContext(
              now, Optional.empty(), run.cursor(), steps, run.finished(), seed, language);
      Change change = transform.change(context).orElseGet(() -> Change.flag("nothing"));
      change
          .writes()
          .forEach(
              (position, id) ->
                  writes.add(
                      new Item.Write(
                          position - now.promptLength(),
                          context.piece(position),
                          language.piece(id))));
      change.remasked().forEach(position -> remasked.add(position - now.promptLength()));
      canvas = change.applyTo(now, language.specials().maskId());
    }
    return new Edit(canvas, new Edited(writes, remasked));
  }

  private Optional<String> answer(CanvasImage canvas) {
    return Spans.of(canvas, language.specials(), language.pieces(), answer).map(Spans::answer);
  }

  /** A canvas after an edit, and what the edit was. */
  private record Edit(CanvasImage canvas, Edited edited) {}

  private record Edited(List<Item.Write> writes, List<Integer> remasked) {}

  /** A branch that is to be run. */
  private record Pending(String edit, int at, int answerFilled, Edited edited, Run run) {}

  /** Hears what a loop does, and notes the canvas at the end of each of its rounds. */
  private static final class Round implements TraceListener {
    private final Draft draft;
    private final String loop;
    private @Nullable CanvasImage canvas;
    private int round;
    private int steps;
    private int nfe;
    private int rewritten;
    private int remasked;
    private int nextRewritten;
    private int nextRemasked;

    Round(Draft draft, String loop) {
      this.draft = draft;
      this.loop = loop;
    }

    @Override
    public void snapshot(Snapshot snapshot) {
      steps++;
      nfe += snapshot.forwards();
      canvas = snapshot.canvas();
    }

    /** Changes come after the last step of a round, and then the next one begins. */
    @Override
    public void event(TraceRecord.Event event, CanvasImage after) {
      if (event.name().equals(SteeredRun.ROUND)) {
        end();
        round++;
        rewritten = nextRewritten;
        remasked = nextRemasked;
        nextRewritten = 0;
        nextRemasked = 0;
      } else {
        nextRewritten += event.writes().size();
        nextRemasked += event.remasked().size();
      }
    }

    void end() {
      draft.add(loop, round, steps, nfe, rewritten, remasked, Objects.requireNonNull(canvas));
    }
  }

  /** A question while it is being measured. */
  private final class Draft {
    private final Question question;
    private final Trace trace;
    private final Optional<AnswerStatistics> statistics;
    private final List<Item.Trial> trials = new ArrayList<>();
    private final List<Item.Round> rounds = new ArrayList<>();

    Draft(Question question, Trace trace) {
      this.question = question;
      this.trace = trace;
      statistics =
          AnswerStatistics.of(trace, new SpanRule.Matching(answer), Optional.of(question.answer()));
    }

    long seed() {
      return Experiment.this.seed(question);
    }

    /** Every edit that finds something to edit; none where the text has no answer. */
    List<Pending> edits() {
      if (statistics.isEmpty()) {
        return List.of();
      }
      Spans spans = statistics.get().spans();
      int prompt = trace.last().promptLength();
      int reasoningTo = spans.reasoningPositions().length;
      int answerFrom = spans.answerPositions()[0] - prompt;
      int answerTo = answerFrom + spans.answerPositions().length;
      Region reasoning = new Region.Span(0, reasoningTo);
      CanvasTransform digit = new Corrupt(reasoning, new Corrupt.Count(1), Corrupt.Choice.DIGITS);
      CanvasTransform remask = new Remask(new Region.Span(answerFrom, answerTo), 1, true);
      // The position right behind the answer is left alone: a digit there would lengthen it.
      CanvasTransform controlDigit = new ControlDigit(reasoningTo, answerTo + 1);
      CanvasTransform paraphrase = new Paraphrase(reasoning, new EquationRewriter());
      List<Pending> edits = new ArrayList<>();
      int control = control();
      for (int at : design.at()) {
        if (at == control) {
          edits.add(pending(NONE, at, List.of()));
        }
        boolean filled = filled(at) == spans.answerPositions().length;
        Pending corrupted = pending(DIGIT, at, List.of(digit));
        if (!corrupted.edited().writes().isEmpty()) {
          edits.add(corrupted);
        }
        addIfWritten(edits, pending(ELSEWHERE, at, List.of(controlDigit)));
        addIfWritten(edits, pending(PARAPHRASE, at, List.of(paraphrase)));
        if (filled) {
          edits.add(pending(REMASKED, at, List.of(remask)));
          addIfWritten(edits, pending(DIGIT_REMASKED, at, List.of(digit, remask)));
        }
      }
      return edits;
    }

    /** The one step at which the control without an edit is run, drawn by the seed. */
    private int control() {
      double uniform = Philox.uniform(seed(), 0, 0, StepContext.CHOICE);
      return design.at().isEmpty() ? -1 : design.at().get((int) (design.at().size() * uniform));
    }

    private static void addIfWritten(List<Pending> edits, Pending edit) {
      if (!edit.edited().writes().isEmpty()) {
        edits.add(edit);
      }
    }

    private Pending pending(String name, int at, List<CanvasTransform> transforms) {
      Sampler sampler = trace.optionsBefore(at).sampler(language.specials());
      Run parent = SamplerRun.resume(sampler, trace.canvasBefore(at), trace.cursorBefore(at));
      Edit edit = edit(transforms, parent, at, seed());
      return new Pending(
          name,
          at,
          filled(at),
          edit.edited(),
          SamplerRun.resume(sampler, edit.canvas(), parent.cursor()));
    }

    /** Positions of the answer that are filled before a step. */
    private int filled(int at) {
      CanvasImage canvas = trace.canvasBefore(at);
      return (int)
          Arrays.stream(statistics.orElseThrow().spans().answerPositions())
              .filter(position -> canvas.state(position) == CellState.COMMITTED)
              .count();
    }

    void add(Pending pending, CanvasImage last) {
      trials.add(
          new Item.Trial(
              pending.edit(),
              pending.at(),
              pending.answerFilled(),
              statistics.orElseThrow().spans().answerPositions().length,
              pending.edited().writes(),
              pending.edited().remasked(),
              answer(last),
              last.equals(trace.last())));
    }

    void add(
        String loop,
        int round,
        int steps,
        int nfe,
        int rewritten,
        int remasked,
        CanvasImage canvas) {
      rounds.add(new Item.Round(loop, round, steps, nfe, rewritten, remasked, answer(canvas)));
    }

    Item item() {
      List<String> tokens = new ArrayList<>();
      CanvasImage last = trace.last();
      for (int position = last.promptLength();
          position < last.length() && !language.specials().isStop(last.id(position));
          position++) {
        tokens.add(language.piece(last.id(position)));
      }
      return new Item(
          question.number(),
          seed(),
          question.answer(),
          tokens,
          answer(last),
          statistics.map(this::timing),
          Arrays.stream(CommitSteps.of(trace)).boxed().toList(),
          trials,
          rounds);
    }

    private Item.Timing timing(AnswerStatistics found) {
      int[] answer = found.spans().answerPositions();
      int prompt = trace.last().promptLength();
      return new Item.Timing(
          found.spans().reasoningPositions().length,
          answer[0] - prompt,
          answer[answer.length - 1] - prompt,
          found.firstHit(),
          found.history().firstRight(),
          found.answerCommitted(),
          found.reasoningCommitted(),
          found.history().estimates().stream().map(each -> each.orElse("")).toList());
    }
  }
}
