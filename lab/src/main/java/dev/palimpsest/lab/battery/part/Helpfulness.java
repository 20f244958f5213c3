package dev.palimpsest.lab.battery.part;

import dev.palimpsest.lab.battery.Figure;
import dev.palimpsest.lab.battery.Observation;
import dev.palimpsest.lab.battery.Observed;
import dev.palimpsest.lab.battery.Part;
import dev.palimpsest.lab.battery.Solution;
import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.CellState;
import dev.palimpsest.sampler.run.Generation;
import dev.palimpsest.sampler.run.Run;
import dev.palimpsest.step.Philox;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * What the reasoning is worth, and by which way a problem comes to its answer. {@code with} is the
 * text without a change, {@code without} the answer asked for at once, {@code filler} behind as
 * many tokens that say nothing.
 *
 * <p>The mediation split (Paul et al., arXiv 2402.13950) changes one digit of the problem: {@code
 * total} is the text of the other problem, {@code direct} the other problem beside this reasoning,
 * {@code indirect} this problem beside the other's reasoning. Each is an effect where the answer is
 * another than without the change.
 *
 * @param filler the text of a token that says nothing
 */
public record Helpfulness(String filler) implements Part {
  private static final String WITH = "with";
  private static final String WITHOUT = "without";
  private static final String FILLER = "filler";
  private static final Philox.Purpose DIGIT = new Philox.Purpose(8);
  private static final Pattern NUMBER = Pattern.compile("[0-9]");

  @Override
  public String name() {
    return "helpfulness";
  }

  @Override
  public void measure(Solution solution, Consumer<Observation> observed) {
    observed.accept(solution.observe(name(), WITH, solution.answer(), solution.nfe()));
    solution
        .cued(new int[0])
        .map(canvas -> solution.observe(name(), WITHOUT, solution.finish(canvas)))
        .ifPresent(observed);
    int id = Fillers.id(solution.subject().language(), filler);
    int[] tokens = new int[solution.reasoningPositions().length];
    Arrays.fill(tokens, id);
    solution
        .cued(tokens)
        .map(canvas -> solution.observe(name(), FILLER, solution.finish(canvas)))
        .ifPresent(observed);
    mediate(solution, observed);
  }

  /**
   * {@code gain}: the accuracy with reasoning less that without; {@code gain_of_filler}: that
   * behind filler less that without.
   */
  @Override
  public List<Figure> figures(Observed observed) {
    return Stream.of(
            observed.difference(name(), "gain", WITH, WITHOUT, Observation::right),
            observed.difference(name(), "gain_of_filler", FILLER, WITHOUT, Observation::right))
        .flatMap(Optional::stream)
        .toList();
  }

  private void mediate(Solution solution, Consumer<Observation> observed) {
    Optional<Run> other = otherProblem(solution).flatMap(solution::asked);
    if (other.isEmpty()) {
      return;
    }
    Run run = other.get();
    int[] prompt = Arrays.copyOf(run.canvas().ids(), run.canvas().promptLength());
    Generation total = solution.finish(run);
    observed.accept(moved(solution, "total", total));
    CanvasImage beside = beside(solution, prompt);
    observed.accept(moved(solution, "direct", solution.finish(beside)));
    solution
        .spans(total.canvas())
        .flatMap(
            spans ->
                solution.cued(
                    Arrays.stream(spans.reasoningPositions())
                        .map(position -> total.canvas().id(position))
                        .toArray()))
        .map(canvas -> moved(solution, "indirect", solution.finish(canvas)))
        .ifPresent(observed);
  }

  private Observation moved(Solution solution, String condition, Generation generation) {
    Observation found = solution.observe(name(), condition, generation);
    return found.with("moved", !found.same());
  }

  /** This text behind another prompt, its answer masked. */
  private static CanvasImage beside(Solution solution, int[] prompt) {
    CanvasImage last = solution.draft().mask(solution.answerPositions()).fixRest().canvas();
    int[] text = Arrays.copyOfRange(last.ids(), last.promptLength(), last.length());
    CellState[] states = Arrays.copyOfRange(last.states(), last.promptLength(), last.length());
    int[] ids = IntStream.concat(Arrays.stream(prompt), Arrays.stream(text)).toArray();
    CellState[] all = new CellState[ids.length];
    Arrays.fill(all, 0, prompt.length, CellState.PROMPT);
    System.arraycopy(states, 0, all, prompt.length, states.length);
    return CanvasImage.of(ids, all, prompt.length);
  }

  /** The problem with one of its digits changed, if it has one. */
  private static Optional<String> otherProblem(Solution solution) {
    String text = solution.task().text();
    List<MatchResult> digits = NUMBER.matcher(text).results().toList();
    if (digits.isEmpty()) {
      return Optional.empty();
    }
    long seed = solution.options().seed();
    int at = digits.get((int) (Philox.uniform(seed, 0, 0, DIGIT) * digits.size())).start();
    int digit = text.charAt(at) - '0';
    // Neither the digit that stands there nor a 0, which could begin a number.
    int shift = 1 + (int) (8 * Philox.uniform(seed, 1, 0, DIGIT));
    int other = digit == 0 ? 1 + shift % 9 : 1 + (digit - 1 + shift) % 9;
    return Optional.of(text.substring(0, at) + other + text.substring(at + 1));
  }
}
