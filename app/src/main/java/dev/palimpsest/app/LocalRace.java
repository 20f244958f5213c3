package dev.palimpsest.app;

import dev.palimpsest.engine.Model;
import dev.palimpsest.sampler.Driver;
import dev.palimpsest.sampler.Generation;
import dev.palimpsest.sampler.Generator;
import dev.palimpsest.sampler.ModelLimits;
import dev.palimpsest.sampler.SamplingOptions;
import dev.palimpsest.sampler.Snapshot;
import dev.palimpsest.sampler.SnapshotListener;
import dev.palimpsest.sampler.SpecialTokens;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.SortedMap;
import java.util.TreeMap;

/** A model of this process, asked by a driver that keeps so many requests under way. */
final class LocalRace implements Race {
  private final Model model;
  private final SamplingOptions options;
  private final Generator generator;

  LocalRace(Model model, SamplingOptions options) {
    this.model = model;
    this.options = options;
    generator =
        new Generator(
            model.transformer(),
            ModelLimits.of(model.spec()),
            SpecialTokens.of(model.spec(), model.endOfTurn()));
  }

  @Override
  public Result run(List<Problem> problems, int concurrency) {
    Driver driver = new Driver(model.transformer());
    SortedMap<Integer, Answer> answers = new TreeMap<>();
    List<Running> running = new ArrayList<>();
    int submitted = 0;
    long started = System.nanoTime();
    while (submitted < problems.size() || !running.isEmpty()) {
      while (running.size() < concurrency && submitted < problems.size()) {
        int[] prompt = model.prompt(problems.get(submitted).prompt());
        FirstCommit first = new FirstCommit();
        running.add(
            new Running(submitted, driver.submit(generator.run(prompt, options), first), first));
        submitted++;
      }
      driver.step();
      running.removeIf(
          each -> {
            Generation generation = each.ticket().generation();
            if (generation.complete()) {
              answers.put(
                  each.index(), answer(problems.get(each.index()), generation, each.first()));
            }
            return generation.complete();
          });
    }
    double seconds = (System.nanoTime() - started) / 1e9;
    return new Result(List.copyOf(answers.values()), seconds);
  }

  private Answer answer(Problem problem, Generation generation, FirstCommit first) {
    String text = model.tokenizer().decode(generation.tokens(), true).strip();
    return new Answer(
        problem.isAnsweredBy(text),
        generation.tokens().length,
        OptionalInt.of(generation.forwards()),
        OptionalDouble.of(generation.firstSnapshotNanos() / 1e9),
        first.nanos / 1e9,
        generation.totalNanos() / 1e9);
  }

  /** A request that is under way. */
  private record Running(int index, Driver.Ticket ticket, FirstCommit first) {}

  /** When the first token was committed. */
  private static final class FirstCommit implements SnapshotListener {
    private long nanos = -1;

    @Override
    public void snapshot(Snapshot snapshot) {
      if (nanos < 0 && !snapshot.commits().isEmpty()) {
        nanos = snapshot.elapsedNanos();
      }
    }
  }
}
