package dev.palimpsest.lab.battery.part;

import dev.palimpsest.lab.battery.Observation;
import dev.palimpsest.lab.battery.Part;
import dev.palimpsest.lab.battery.Solution;
import dev.palimpsest.sampler.intervention.Paraphrase;
import dev.palimpsest.sampler.intervention.Paraphraser;
import dev.palimpsest.sampler.intervention.Plan;
import dev.palimpsest.sampler.intervention.Region;
import dev.palimpsest.sampler.intervention.Remask;
import dev.palimpsest.sampler.intervention.SteeredRun;
import dev.palimpsest.sampler.intervention.When;
import dev.palimpsest.sampler.run.Generation;
import java.util.List;
import java.util.function.Consumer;

/**
 * Paraphrasing while it is written. {@code every_step}: after each step what stands is said in
 * other words, so that no wording reaches a later step; {@code every_step_identity} says it as it
 * is and must change nothing. {@code rounds}: sample, paraphrase, mask a share again, over and
 * over; {@code rounds_identity} is the same without the paraphrase.
 *
 * @param paraphraser how it is said
 */
public record Loops(Paraphraser paraphraser) implements Part {
  private static final int ROUNDS = 2;
  private static final double SHARE = 0.3;

  @Override
  public String name() {
    return "loops";
  }

  @Override
  public boolean needsAnswer() {
    return false;
  }

  @Override
  public void measure(Solution solution, Consumer<Observation> observed) {
    Paraphraser identity = new Paraphraser.Identity();
    observed.accept(run(solution, "every_step", everyStep(paraphraser)));
    observed.accept(run(solution, "every_step_identity", everyStep(identity)));
    observed.accept(run(solution, "rounds", rounds(paraphraser)));
    observed.accept(run(solution, "rounds_identity", rounds(identity)));
  }

  private static Plan everyStep(Paraphraser how) {
    return new Plan(
        List.of(new Plan.Scheduled(new When.Every(1), new Paraphrase(new Region.All(), how))),
        0,
        false);
  }

  private static Plan rounds(Paraphraser how) {
    return new Plan(
        List.of(
            new Plan.Scheduled(new When.EveryRound(), new Paraphrase(new Region.All(), how)),
            new Plan.Scheduled(new When.EveryRound(), new Remask(new Region.All(), SHARE, true))),
        ROUNDS,
        false);
  }

  private Observation run(Solution solution, String condition, Plan plan) {
    Generation generation =
        solution.finish(
            new SteeredRun(
                solution.subject().language(),
                plan,
                solution.run(solution.trace().header().start()),
                0,
                new Unheard()));
    return solution
        .observe(name(), condition, generation)
        .with("same_canvas", generation.canvas().equals(solution.trace().last()));
  }
}
