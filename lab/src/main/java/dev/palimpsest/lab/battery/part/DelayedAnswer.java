package dev.palimpsest.lab.battery.part;

import dev.palimpsest.lab.answer.Spans;
import dev.palimpsest.lab.battery.Observation;
import dev.palimpsest.lab.battery.Part;
import dev.palimpsest.lab.battery.Solution;
import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.CellState;
import dev.palimpsest.sampler.intervention.CanvasTransform;
import dev.palimpsest.sampler.intervention.Change;
import dev.palimpsest.sampler.intervention.Plan;
import dev.palimpsest.sampler.intervention.SteeredRun;
import dev.palimpsest.sampler.intervention.StepContext;
import dev.palimpsest.sampler.intervention.When;
import dev.palimpsest.sampler.run.Generation;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * The delayed answer (arXiv 2603.01190): the answer's positions cannot be written before a share of
 * the reasoning's is. Until then the model reads masks there that nothing writes. Where they are is
 * taken from the text without a change.
 */
public record DelayedAnswer() implements Part {
  private static final List<Double> SHARES = List.of(0.0, 0.25, 0.5, 0.75, 0.9);

  @Override
  public String name() {
    return "delayed_answer";
  }

  @Override
  public void measure(Solution solution, Consumer<Observation> observed) {
    if (solution.subject().isCausal()) {
      return;
    }
    for (double share : SHARES) {
      SteeredRun gated =
          new SteeredRun(
              solution.subject().language(),
              new Plan(
                  List.of(
                      new Plan.Scheduled(new When.Before(0), new Gate(solution, share)),
                      new Plan.Scheduled(new When.Every(1), new Gate(solution, share))),
                  0,
                  false),
              solution.run(
                  solution
                      .draft(solution.trace().header().start())
                      .hide(solution.answerPositions())
                      .canvas()),
              0,
              new Unheard());
      Generation until = solution.finish(gated);
      CanvasImage opened = solution.draft(until.canvas()).mask(solution.answerPositions()).canvas();
      Generation whole = solution.finish(solution.run(opened, gated.cursor()));
      observed.accept(
          solution
              .observe(
                  name(),
                  "delayed",
                  solution.spans(whole.canvas()).map(Spans::answer),
                  until.forwards() + whole.forwards())
              .at(share)
              .with("same_canvas", whole.canvas().equals(solution.trace().last())));
    }
  }

  /** Ends a run as soon as a share of the reasoning is written. */
  private record Gate(Solution solution, double share) implements CanvasTransform {
    @Override
    public String name() {
      return "gate";
    }

    @Override
    public Optional<Change> change(StepContext context) {
      int[] reasoning = solution.reasoningPositions();
      long written =
          Arrays.stream(reasoning)
              .filter(position -> context.canvas().state(position) == CellState.COMMITTED)
              .count();
      return written >= share * reasoning.length
          ? Optional.of(Change.stop("%d positions are written".formatted(written)))
          : Optional.empty();
    }
  }
}
