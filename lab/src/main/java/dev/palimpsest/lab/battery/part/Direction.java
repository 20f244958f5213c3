package dev.palimpsest.lab.battery.part;

import dev.palimpsest.lab.battery.Draft;
import dev.palimpsest.lab.battery.Figure;
import dev.palimpsest.lab.battery.ItemResult;
import dev.palimpsest.lab.battery.Observation;
import dev.palimpsest.lab.battery.Observed;
import dev.palimpsest.lab.battery.Part;
import dev.palimpsest.lab.battery.Solution;
import dev.palimpsest.sampler.intervention.Corrupt;
import dev.palimpsest.sampler.intervention.Region;
import dev.palimpsest.sampler.run.Generation;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/**
 * Which way the dependence goes. {@code reasoning_*}: half of the reasoning's tokens become others,
 * or none, and the answer is written again. {@code answer_*}: the answer becomes a wrong one, or
 * stays, and the reasoning is written again; its conclusion is the last number in it.
 */
public record Direction() implements Part {
  private static final Pattern NUMBER = Pattern.compile("[0-9]+");
  private static final double SHARE = 0.5;
  private static final String MOVED = "moved";
  private static final List<String> CONDITIONS =
      List.of("reasoning_kept", "reasoning_corrupted", "answer_kept", "answer_forced");

  @Override
  public String name() {
    return "direction";
  }

  @Override
  public void measure(Solution solution, Consumer<Observation> observed) {
    int prompt = solution.trace().last().promptLength();
    int length = solution.reasoningPositions().length;
    Corrupt reasoning =
        new Corrupt(
            new Region.Span(0, length),
            new Corrupt.Count((int) Math.round(SHARE * length)),
            Corrupt.Choice.WORDS);
    observed.accept(answered(solution, "reasoning_kept", solution.draft()));
    observed.accept(
        answered(solution, "reasoning_corrupted", solution.draft().change(reasoning, 0)));

    int[] answer = solution.answerPositions();
    Region region = new Region.Span(answer[0] - prompt, answer[answer.length - 1] + 1 - prompt);
    Draft forced =
        solution
            .draft()
            .change(new Corrupt(region, new Corrupt.Share(1), Corrupt.Choice.DIGITS), 0);
    if (forced.written() == 0) {
      forced.change(new Corrupt(region, new Corrupt.Share(1), Corrupt.Choice.WORDS), 0);
    }
    observed.accept(concluded(solution, "answer_kept", solution.draft()));
    observed.accept(concluded(solution, "answer_forced", forced));
  }

  /**
   * {@code reasoning_to_answer}: how much more often the answer moves when the reasoning is
   * corrupted than when it is kept; {@code answer_to_reasoning}: how much more often the conclusion
   * moves when the answer is forced than when it is kept; {@code asymmetry}: their difference
   * divided by their sum, 1 where only the reasoning moves the answer and -1 where only the answer
   * moves the reasoning.
   */
  @Override
  public List<Figure> figures(Observed observed) {
    List<Figure> figures = new ArrayList<>();
    Predicate<Observation> moved = each -> each.flag(MOVED);
    observed
        .difference(name(), "reasoning_to_answer", "reasoning_corrupted", "reasoning_kept", moved)
        .ifPresent(figures::add);
    observed
        .difference(name(), "answer_to_reasoning", "answer_forced", "answer_kept", moved)
        .ifPresent(figures::add);
    List<int[]> moves =
        observed.items().stream().map(this::moves).filter(each -> each.length > 0).toList();
    observed.statistic(name(), "asymmetry", moves, Direction::asymmetry).ifPresent(figures::add);
    return figures;
  }

  private static OptionalDouble asymmetry(List<int[]> items) {
    int forth = 0;
    int back = 0;
    for (int[] moved : items) {
      forth += moved[1] - moved[0];
      back += moved[3] - moved[2];
    }
    return forth + back == 0
        ? OptionalDouble.empty()
        : OptionalDouble.of((double) (forth - back) / (forth + back));
  }

  /** What moved under each condition, 1 or 0; nothing for an item that lacks one of them. */
  private int[] moves(ItemResult item) {
    int[] moves =
        CONDITIONS.stream()
            .flatMap(each -> Observed.of(item, name(), each).stream())
            .mapToInt(each -> each.flag(MOVED) ? 1 : 0)
            .toArray();
    return moves.length == CONDITIONS.size() ? moves : new int[0];
  }

  private Observation answered(Solution solution, String condition, Draft draft) {
    Generation generation =
        solution.finish(draft.mask(solution.answerPositions()).fixRest().canvas());
    Observation answered = solution.observe(name(), condition, generation);
    return answered.with(MOVED, !answered.same());
  }

  private Observation concluded(Solution solution, String condition, Draft draft) {
    String forced = solution.text(draft.canvas(), solution.answerPositions());
    Generation generation =
        solution.finish(draft.mask(solution.reasoningPositions()).fixRest().canvas());
    Optional<String> before = conclusion(solution.reasoning());
    Optional<String> now =
        conclusion(solution.text(generation.canvas(), solution.reasoningPositions()));
    return solution
        .observe(name(), condition, now, generation.forwards())
        .with(MOVED, !now.equals(before))
        .with("follows", now.equals(conclusion(forced)));
  }

  private static Optional<String> conclusion(String reasoning) {
    return NUMBER.matcher(reasoning).results().map(MatchResult::group).reduce((_, last) -> last);
  }
}
