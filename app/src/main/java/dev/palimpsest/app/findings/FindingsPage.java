package dev.palimpsest.app.findings;

import dev.palimpsest.app.chart.IntervalChart;
import dev.palimpsest.app.file.Replacement;
import dev.palimpsest.app.terminal.Wording;
import dev.palimpsest.lab.measure.Estimate;
import dev.palimpsest.lab.study.Experiment;
import dev.palimpsest.lab.study.Item;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.function.ToIntFunction;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * What an experiment found as tables and plots. The words around them are written by hand: of a
 * page that exists, only what stands between {@code <!-- NAME -->} and {@code <!-- /NAME -->} is
 * replaced.
 */
final class FindingsPage {
  private static final int TENTHS = 10;

  private static final String DEFINITIONS =
      """
      - **Right:** the answer in the text is the expected one, character for character; a text without an answer is not.
      - **Step:** one turn of asking the model and filling positions, from 0; turns that ask nothing count. **Forwards (NFE):** sequences
        that the model computed.
      - **Reasoning:** all positions before the answer's beginning, `Answer:` if no other pattern was given. **Filled when the answer was
        complete:** of these, the share filled after the step that filled the last of the answer's; **when the answer's first token was
        filled:** after the step that filled the first. Means are over the texts that have both.
      - **Estimate:** the canvas that a step read, every mask filled by what the step predicted there. It **has the answer** if the final
        answer's tokens are in their places, and is **right** if the answer in it is the expected one; the share of the reasoning is that of
        the canvas which the step read.
      - **Flip:** a generation from the edited canvas that ends with another answer than the one without the edit, or with none. Of the
        answer's positions none, some or all were filled at the edit: **not begun, in part, complete**.
      - **Right after so many steps:** the share of the problems whose text is right after a loop's rounds so far, or after a generation of
        that many steps.
      - **Intervals:** 95 %. Of a share Wilson's score interval; where a problem has several generations in a cell, with their number divided
        by the design effect (Korn and Graubard, 1998), and where all or none flipped, with the number of problems. Of a mean Student's t. Of
        a difference Newcombe's method 10, which is rather too wide for two shares of the same problems.
      """;

  private final FindingsFile.RunFacts run;
  private final List<Item> items;
  private final Outcomes outcomes;

  private FindingsPage(FindingsFile findings) {
    run = findings.run();
    items = findings.items();
    outcomes = new Outcomes(items);
  }

  /** Writes the page and its plots into a folder; the files that were written. */
  static List<Path> write(Path folder, FindingsFile findings) throws IOException {
    FindingsPage page = new FindingsPage(findings);
    Map<String, String> files = new LinkedHashMap<>();
    Path readme = folder.resolve("README.md");
    files.put(
        "README.md",
        replaced(Files.exists(readme) ? Files.readString(readme) : skeleton(), page.parts()));
    files.put("timing.svg", page.timingPlot());
    files.put("flips.svg", page.flipsPlot());
    files.put("loops.svg", page.loopsPlot());
    List<Path> written = new ArrayList<>();
    for (Map.Entry<String, String> each : files.entrySet()) {
      Path target = folder.resolve(each.getKey());
      Replacement.write(target, each.getValue());
      written.add(target);
    }
    return written;
  }

  /** The files that are written into a folder. */
  static List<Path> files(Path folder) {
    return Stream.of("README.md", "timing.svg", "flips.svg", "loops.svg")
        .map(folder::resolve)
        .toList();
  }

  /** The parts of the page that come from the items, by the names of their marks. */
  Map<String, String> parts() {
    Map<String, String> parts = new LinkedHashMap<>();
    parts.put("run", facts());
    parts.put("definitions", DEFINITIONS);
    parts.put("timing", timing());
    parts.put("flips", flips());
    parts.put("roles", roles());
    parts.put("steps", steps());
    parts.put("loops", loops());
    return parts;
  }

  static Map<String, String> parts(FindingsFile findings) {
    return new FindingsPage(findings).parts();
  }

  private static String skeleton() {
    return """
        # Findings

        <!-- run --><!-- /run -->

        ## What the numbers are

        <!-- definitions --><!-- /definitions -->

        ## When the answer is written

        ![](timing.svg)

        <!-- timing --><!-- /timing -->

        ## What an edit of the reasoning does to the answer

        ![](flips.svg)

        <!-- flips --><!-- /flips -->

        <!-- roles --><!-- /roles -->

        <!-- steps --><!-- /steps -->

        ## Sample, paraphrase, remask

        ![](loops.svg)

        <!-- loops --><!-- /loops -->
        """;
  }

  private static String replaced(String page, Map<String, String> parts) {
    String text = page;
    for (Map.Entry<String, String> part : parts.entrySet()) {
      String begin = "<!-- " + part.getKey() + " -->";
      String end = "<!-- /" + part.getKey() + " -->";
      int from = text.indexOf(begin);
      int to = text.indexOf(end, Math.max(from, 0));
      if (from >= 0 && to >= 0) {
        text =
            text.substring(0, from + begin.length()) + "\n" + part.getValue() + text.substring(to);
      }
    }
    return text;
  }

  private String facts() {
    List<List<String>> rows = new ArrayList<>();
    rows.add(List.of("problems", items.size() + " of `" + run.file() + "`"));
    rows.add(
        List.of(
            "model",
            "`%s`, SHA-256 `%s…`"
                .formatted(
                    run.model().getOrDefault("name", ""),
                    run.model().getOrDefault("sha256", "").substring(0, 12))));
    rows.add(List.of("sampler", "`" + run.sampler() + "` " + run.options()));
    rows.add(List.of("seed", run.options().get("seed") + " + the problem's number"));
    rows.add(
        List.of(
            "computed by",
            run.machine().getOrDefault("backend", "")
                + "; "
                + run.machine().getOrDefault("device", "")));
    rows.add(List.of("date, Java", run.date() + ", " + run.java()));
    rows.add(List.of("commit", "`" + run.revision() + "`"));
    return table(List.of("", ""), rows);
  }

  private String timing() {
    List<List<String>> rows = new ArrayList<>();
    rows.add(List.of("problems answered right", outcomes.share(_ -> true, Item::right).toString()));
    rows.add(
        List.of(
            "… an estimate was right at some step",
            outcomes
                .share(
                    _ -> true,
                    item -> item.timing().map(each -> each.firstRight().isPresent()).orElse(false))
                .toString()));
    rows.add(
        List.of(
            "share of the reasoning filled when the answer was complete, mean",
            percent(outcomes.mean(item -> filledAt(item, FindingsPage::committed)))));
    rows.add(
        List.of(
            "… when the answer's first token was filled, mean",
            percent(outcomes.mean(item -> filledAt(item, FindingsPage::firstCommitted)))));
    rows.add(
        List.of(
            "… when an estimate first had the answer, mean",
            percent(outcomes.mean(item -> filledAt(item, FindingsPage::firstHit)))));
    rows.add(
        List.of(
            "answers complete after all of the reasoning",
            outcomes
                .share(
                    FindingsPage::isAnswered,
                    item -> filledAt(item, FindingsPage::committed).orElse(0) >= 1)
                .toString()));
    rows.add(
        List.of(
            "answers that an estimate had before half of the reasoning was filled",
            outcomes
                .share(
                    FindingsPage::isAnswered,
                    item -> filledAt(item, FindingsPage::firstHit).orElse(1) < 0.5)
                .toString()));
    return table(List.of("", ""), rows);
  }

  private String flips() {
    List<List<String>> rows = new ArrayList<>();
    addByState(rows, "no edit (control)", any(Experiment.NONE));
    addByState(rows, "a digit of the reasoning", any(Experiment.DIGIT));
    addByState(
        rows,
        "a digit over a sign or a stop (control)",
        (item, trial) -> edit(Experiment.ELSEWHERE).test(trial) && !isBehind(item, trial));
    addByState(
        rows,
        "a digit behind the text (control)",
        (item, trial) -> edit(Experiment.ELSEWHERE).test(trial) && isBehind(item, trial));
    addByState(rows, "terms of complete sums exchanged", any(Experiment.PARAPHRASE));
    addByState(rows, "answer masked again (control)", any(Experiment.REMASKED));
    addByState(rows, "a digit, and the answer masked again", any(Experiment.DIGIT_REMASKED));
    long same =
        items.stream()
            .flatMap(item -> item.trials().stream())
            .filter(edit(Experiment.NONE))
            .filter(Item.Trial::sameCanvas)
            .count();
    long none =
        items.stream()
            .flatMap(item -> item.trials().stream())
            .filter(edit(Experiment.NONE))
            .count();
    long unreadable =
        items.stream()
            .flatMap(item -> item.trials().stream())
            .filter(trial -> trial.answer().isEmpty())
            .count();
    long all = items.stream().mapToLong(item -> item.trials().size()).sum();
    Predicate<Item.Trial> open = FindingsPage::isOpen;
    return table(List.of("edit", "answer not begun", "answer in part", "answer complete"), rows)
        + String.format(
            Locale.ROOT,
            "%nWithout an edit %d of %d branches ended on the same canvas, bit for bit. A digit of"
                + " the reasoning less a digit elsewhere, answer not complete: %s; less a"
                + " paraphrase: %s. %d of all %d branches ended without a readable answer, and"
                + " count as flips.%n",
            same,
            none,
            outcomes.difference(
                edit(Experiment.DIGIT).and(open), edit(Experiment.ELSEWHERE).and(open)),
            outcomes.difference(
                edit(Experiment.DIGIT).and(open), edit(Experiment.PARAPHRASE).and(open)),
            unreadable,
            all);
  }

  private void addByState(List<List<String>> rows, String name, Outcomes.Kind kind) {
    rows.add(
        List.of(
            name,
            outcomes
                .trials((item, trial) -> kind.test(item, trial) && trial.answerFilled() == 0)
                .toString(),
            outcomes
                .trials(
                    (item, trial) ->
                        kind.test(item, trial) && trial.answerFilled() > 0 && isOpen(trial))
                .toString(),
            outcomes.trials((item, trial) -> kind.test(item, trial) && !isOpen(trial)).toString()));
  }

  private static Outcomes.Kind any(String edit) {
    return (_, trial) -> trial.edit().equals(edit);
  }

  private String roles() {
    List<List<String>> rows = new ArrayList<>();
    for (Outcomes.Role role : Outcomes.Role.values()) {
      Outcomes.Share open = byRole(role, edit(Experiment.DIGIT).and(FindingsPage::isOpen));
      Outcomes.Share remasked = byRole(role, edit(Experiment.DIGIT_REMASKED));
      if (open.trials() + remasked.trials() > 0) {
        rows.add(List.of(role.words(), open.toString(), remasked.toString()));
      }
    }
    return table(
        List.of("the digit was of", "answer not complete", "answer complete and masked again"),
        rows);
  }

  private Outcomes.Share byRole(Outcomes.Role role, Predicate<Item.Trial> kind) {
    return outcomes.trials((item, trial) -> kind.test(trial) && Outcomes.role(item, trial) == role);
  }

  private String steps() {
    List<List<String>> rows = new ArrayList<>();
    for (int at : run.at()) {
      Predicate<Item.Trial> here = trial -> trial.at() == at && isOpen(trial);
      rows.add(
          List.of(
              String.valueOf(at),
              outcomes.flips(here.and(edit(Experiment.DIGIT))).toString(),
              outcomes.flips(here.and(edit(Experiment.ELSEWHERE))).toString(),
              outcomes.flips(here.and(edit(Experiment.PARAPHRASE))).toString()));
    }
    return table(
        List.of(
            "before step, answer not complete",
            "a digit of the reasoning",
            "a digit elsewhere (control)",
            "terms of complete sums exchanged"),
        rows);
  }

  private String loops() {
    NavigableSet<Integer> steps = stepsCompared();
    List<List<String>> rows = new ArrayList<>();
    for (int each : steps) {
      rows.add(
          List.of(
              String.valueOf(each),
              rightAfter(Experiment.LOOP, each).toString(),
              rightAfter(Experiment.LOOP_REMASK, each).toString(),
              rightAfter(Experiment.PLAIN, each).toString()));
    }
    return table(
            List.of(
                "steps",
                "right: paraphrase, remask %.0f %%".formatted(100 * run.share()),
                "right: remask %.0f %% (control)".formatted(100 * run.share()),
                "right: sampled once"),
            rows)
        + String.format(
            Locale.ROOT,
            "%nIn %d of all %d rounds and generations the forwards (NFE) were as many as the"
                + " steps; the others had fewer masks to fill.%n",
            items.stream()
                .flatMap(item -> item.rounds().stream())
                .filter(round -> round.nfe() == round.steps())
                .count(),
            items.stream().mapToLong(item -> item.rounds().size()).sum());
  }

  /** The numbers of steps after which loops and generations without one are compared. */
  private NavigableSet<Integer> stepsCompared() {
    NavigableSet<Integer> steps = new TreeSet<>(run.plainSteps());
    IntStream.rangeClosed(1, run.rounds() + 1)
        .map(each -> each * run.roundSteps())
        .forEach(steps::add);
    steps.add(fullSteps());
    return steps;
  }

  private Outcomes.Share rightAfter(String loop, int steps) {
    if (loop.equals(Experiment.PLAIN) && steps == fullSteps()) {
      return outcomes.share(_ -> true, Item::right);
    }
    // A loop's first round is a generation without one.
    String name =
        loop.equals(Experiment.PLAIN) && steps == run.roundSteps() ? Experiment.LOOP : loop;
    Predicate<Item.Round> here = round -> round.loop().equals(name) && round.steps() == steps;
    return outcomes.share(
        item -> item.rounds().stream().anyMatch(here),
        item ->
            item.rounds().stream()
                .filter(here)
                .anyMatch(round -> round.answer().filter(item.expected()::equals).isPresent()));
  }

  private int fullSteps() {
    return run.options().get("steps") instanceof Integer steps ? steps : 0;
  }

  private String timingPlot() {
    List<IntervalChart.Line> lines =
        List.of(
            timingLine("an estimate had the final answer", FindingsPage::firstHit),
            timingLine("the answer's first token was filled", FindingsPage::firstCommitted),
            timingLine("the answer was complete", FindingsPage::committed));
    return new IntervalChart(
            "Problems whose answer was there, by the share of the reasoning filled",
            "at most so many percent of the reasoning filled",
            IntStream.rangeClosed(0, TENTHS).mapToObj(each -> each * 10.0).toList(),
            lines)
        .file();
  }

  private IntervalChart.Line timingLine(String name, ToIntFunction<Item> step) {
    List<IntervalChart.Point> points = new ArrayList<>();
    for (int tenth = 0; tenth <= TENTHS; tenth++) {
      double most = tenth / (double) TENTHS;
      point(
              10.0 * tenth,
              outcomes.share(
                  FindingsPage::isAnswered, item -> filledAt(item, step).orElse(2) <= most))
          .ifPresent(points::add);
    }
    return new IntervalChart.Line(name, points);
  }

  private String flipsPlot() {
    List<IntervalChart.Line> lines = new ArrayList<>();
    Map<String, String> names = new LinkedHashMap<>();
    names.put(Experiment.DIGIT, "a digit of the reasoning became another");
    names.put(Experiment.ELSEWHERE, "a digit elsewhere (control)");
    names.put(Experiment.PARAPHRASE, "terms of complete sums exchanged");
    names.forEach(
        (edit, name) -> {
          List<IntervalChart.Point> points = new ArrayList<>();
          for (int at : run.at()) {
            Outcomes.Share share =
                outcomes.flips(edit(edit).and(trial -> trial.at() == at).and(FindingsPage::isOpen));
            point(at, share).ifPresent(points::add);
          }
          lines.add(new IntervalChart.Line(name, points));
        });
    return new IntervalChart(
            "Answers that became others, answer not complete at the edit",
            "edit before step",
            run.at().stream().map(Integer::doubleValue).toList(),
            lines)
        .file();
  }

  private String loopsPlot() {
    NavigableSet<Integer> steps = stepsCompared();
    Map<String, String> names = new LinkedHashMap<>();
    names.put(Experiment.LOOP, "paraphrase and remask, again and again");
    names.put(Experiment.LOOP_REMASK, "remask alone (control)");
    names.put(Experiment.PLAIN, "sampled once with as many steps");
    List<IntervalChart.Line> lines = new ArrayList<>();
    names.forEach(
        (loop, name) -> {
          List<IntervalChart.Point> points = new ArrayList<>();
          for (int each : steps) {
            point(each, rightAfter(loop, each)).ifPresent(points::add);
          }
          lines.add(new IntervalChart.Line(name, points));
        });
    return new IntervalChart(
            "Right answers against steps",
            "steps",
            steps.stream().map(Integer::doubleValue).toList(),
            lines)
        .file();
  }

  /** A point, or none where nothing was tried. */
  private static Optional<IntervalChart.Point> point(double x, Outcomes.Share share) {
    return share
        .estimate()
        .map(
            each -> {
              Estimate.Interval interval = each.interval().orElseThrow();
              return new IntervalChart.Point(
                  x, 100 * each.value(), 100 * interval.low(), 100 * interval.high());
            });
  }

  private static Predicate<Item.Trial> edit(String name) {
    return trial -> trial.edit().equals(name);
  }

  private static boolean isAnswered(Item item) {
    return item.timing().isPresent();
  }

  private static boolean isOpen(Item.Trial trial) {
    return trial.answerFilled() < trial.answerLength();
  }

  /** Whether a trial wrote behind the text. */
  private static boolean isBehind(Item item, Item.Trial trial) {
    return trial.writes().getFirst().position() >= item.tokens().size();
  }

  /** The share of the reasoning that was filled after a step; empty if there was no such step. */
  private static OptionalDouble filledAt(Item item, ToIntFunction<Item> step) {
    if (item.timing().isEmpty() || item.timing().get().reasoningLength() == 0) {
      return OptionalDouble.empty();
    }
    int length = item.timing().get().reasoningLength();
    int at = step.applyAsInt(item);
    return at == Integer.MAX_VALUE
        ? OptionalDouble.empty()
        : OptionalDouble.of(
            (double)
                    item.commitSteps().subList(0, length).stream()
                        .filter(each -> each <= at)
                        .count()
                / length);
  }

  private static int committed(Item item) {
    return item.timing().orElseThrow().committed();
  }

  private static int firstCommitted(Item item) {
    Item.Timing timing = item.timing().orElseThrow();
    return item.commitSteps().subList(timing.answerFrom(), timing.answerTo() + 1).stream()
        .mapToInt(Integer::intValue)
        .min()
        .orElseThrow();
  }

  /** The step before the first whose estimate had the answer: the canvas that it was made from. */
  private static int firstHit(Item item) {
    OptionalInt hit = item.timing().orElseThrow().firstHit();
    return hit.isPresent() ? hit.getAsInt() - 1 : Integer.MAX_VALUE;
  }

  private static String percent(Optional<Estimate> mean) {
    return mean.map(Wording::percent).orElse("–");
  }

  private static String table(List<String> head, List<List<String>> rows) {
    StringBuilder table = new StringBuilder(row(head));
    table.append(row(head.stream().map(_ -> "---").toList()));
    rows.forEach(each -> table.append(row(each)));
    return table.toString();
  }

  private static String row(List<String> cells) {
    return "| " + String.join(" | ", cells) + " |\n";
  }
}
