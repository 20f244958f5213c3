package dev.palimpsest.app.score;

import dev.palimpsest.sampler.likelihood.Estimator;
import dev.palimpsest.sampler.likelihood.Forward;
import dev.palimpsest.sampler.likelihood.Measurement;
import dev.palimpsest.sampler.likelihood.Passage;
import dev.palimpsest.sampler.method.InvalidOptionException;
import dev.palimpsest.sampler.run.Driver;
import dev.palimpsest.sampler.run.Generator;
import dev.palimpsest.sampler.run.Scoring;
import dev.palimpsest.step.Denoiser;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;

/** The rows' way through a driver to their results, which have the order of the rows. */
final class Scorer {
  private final Generator generator;
  private final Estimator estimator;
  private final Driver driver;
  private final long maxTokens;
  private final Results results;
  private final Deque<Pending> pending = new ArrayDeque<>();
  private final Deque<Scoring> open = new ArrayDeque<>();
  private long openTokens;

  /**
   * Nothing yet.
   *
   * @param maxTokens of a forward, all copies of all texts together
   */
  Scorer(
      Generator generator,
      Denoiser denoiser,
      Estimator estimator,
      long maxTokens,
      Results results) {
    this.generator = generator;
    this.estimator = estimator;
    this.maxTokens = maxTokens;
    this.results = results;
    driver = new Driver(denoiser, maxTokens);
  }

  /** Where results go. */
  interface Results {
    /** Is told of every forward of a text. */
    void ran();

    /** Takes a row's result. */
    void add(ScoreResult result) throws IOException;
  }

  /**
   * Takes all rows to their results. Rows that come late are not waited for while there is work.
   */
  void run(ScoreRows rows) throws IOException {
    boolean ended = false;
    while (!ended || !pending.isEmpty()) {
      while (!ended && (pending.isEmpty() || (openTokens < maxTokens && rows.isReady()))) {
        Optional<ScoreRow> row = rows.next();
        row.ifPresent(each -> pending.add(begin(each)));
        ended = row.isEmpty();
      }
      boolean _ = driver.step();
      while (!open.isEmpty() && open.getFirst().finished()) {
        openTokens -= open.removeFirst().width();
        results.ran();
      }
      while (!pending.isEmpty() && pending.getFirst().isOver()) {
        results.add(pending.removeFirst().result());
      }
    }
  }

  private Pending begin(ScoreRow row) {
    return switch (row) {
      case ScoreRow.Bad(String id, String error) -> failed(id, error);
      case ScoreRow.Asked(String id, Passage passage) -> {
        try {
          yield begin(id, passage, generator.measurement(passage, estimator));
        } catch (InvalidOptionException e) {
          yield failed(id, e.message(UnaryOperator.identity()));
        }
      }
    };
  }

  private Pending begin(String id, Passage passage, Measurement measurement) {
    List<Scoring> scorings = new ArrayList<>();
    for (Forward forward : measurement.forwards()) {
      Scoring scoring = new Scoring(List.of(forward));
      Driver.Ticket _ = driver.submit(scoring);
      open.add(scoring);
      openTokens += scoring.width();
      scorings.add(scoring);
    }
    return new Pending(
        scorings,
        () ->
            new ScoreResult.Scored(
                id,
                measurement.result(
                    scorings.stream().map(each -> each.predictions().getFirst()).toList()),
                passage.completion().length));
  }

  private static Pending failed(String id, String error) {
    return new Pending(List.of(), () -> new ScoreResult.Failed(id, error));
  }

  /**
   * A row under way.
   *
   * @param scorings its forwards
   * @param outcome what came of it, once they are run
   */
  private record Pending(List<Scoring> scorings, Supplier<ScoreResult> outcome) {
    boolean isOver() {
      return scorings.stream().allMatch(Scoring::finished);
    }

    ScoreResult result() {
      return outcome.get();
    }
  }
}
