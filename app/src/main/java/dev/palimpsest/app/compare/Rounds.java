package dev.palimpsest.app.compare;

import dev.palimpsest.app.file.Problem;
import dev.palimpsest.engine.checkpoint.CheckpointException;
import dev.palimpsest.engine.device.DeviceException;
import dev.palimpsest.engine.model.UnsupportedModelException;
import dev.palimpsest.lab.measure.Estimate;
import dev.palimpsest.sampler.method.InvalidOptionException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Contestants in rounds. A round runs each of them at each concurrency, one after another, in the
 * reverse order of the round before: a machine that grows slower or faster meanwhile favours nobody
 * over an even number of rounds. Before the first, all are warmed up in the same way.
 *
 * <p>A contestant that fails is not asked again; what it has finished stays.
 */
final class Rounds {
  /** Warm-up ends when this many batches in a row are of about one speed. */
  static final int ALIKE = 3;

  /** The fastest of those batches over the slowest, at most. */
  static final double STABLE = 1.05;

  /** Warm-up ends with this batch whatever its speed. */
  static final int MOST_BATCHES = 10;

  private final List<Entrant> entrants;
  private final List<Integer> concurrencies;
  private final Map<Pair, List<Double>> warmUps = new HashMap<>();
  private final Map<Pair, List<Race.Result>> results = new HashMap<>();
  private final List<Failure> failures = new ArrayList<>();
  private final Set<Race> lost = new HashSet<>();

  /**
   * Rounds that have not begun.
   *
   * @param entrants in the order of the first round
   */
  Rounds(List<Entrant> entrants, List<Integer> concurrencies) {
    this.entrants = List.copyOf(entrants);
    this.concurrencies = List.copyOf(concurrencies);
  }

  /**
   * Who takes part.
   *
   * @param label what the table calls it
   */
  record Entrant(String label, Race race) {}

  /** A contestant, by its label, at one concurrency. */
  record Pair(String contestant, int concurrency) {}

  /**
   * A contestant that could not go on.
   *
   * @param round in which it failed, from 1; 0 before the first
   */
  record Failure(String contestant, int concurrency, int round, String reason) {
    String sentence() {
      return "%s, %d at once, %s: %s"
          .formatted(
              contestant, concurrency, round == 0 ? "before round 1" : "round " + round, reason);
    }

    Map<String, Object> json() {
      Map<String, Object> fields = new LinkedHashMap<>();
      fields.put("contestant", contestant);
      fields.put("concurrency", concurrency);
      fields.put("round", round);
      fields.put("reason", reason);
      return fields;
    }
  }

  /** Is told when a round is over, and how many are. */
  interface Listener {
    void finished(int rounds) throws IOException;
  }

  /** Takes over what an earlier comparison has finished. */
  void resume(Comparison.Earlier earlier) {
    earlier.rounds().forEach((pair, some) -> results.put(pair, new ArrayList<>(some)));
    warmUps.putAll(earlier.warmUps());
  }

  /** Whether some contestant has not run so many rounds. */
  boolean isMissing(int rounds) {
    return pairs(0).stream().anyMatch(each -> results(each.pair()).size() < rounds);
  }

  /** How often some contestant runs in so many rounds. */
  int runs(int rounds) {
    return rounds * pairs(0).size();
  }

  /**
   * Runs batches of requests that do not count, whatever was warmed up earlier, until the last
   * {@value #ALIKE} of each contestant at each concurrency are within a factor of {@value #STABLE},
   * or {@value #MOST_BATCHES} were run.
   *
   * @param problems that are asked for again where they are too few
   * @param requests of a batch; as many as there are at once if that is more, and none if 0
   * @param ran is run after every turn, also where no batch was left to run
   */
  void warmUp(List<Problem> problems, int requests, Runnable ran) {
    warmUps.clear();
    for (int batch = 0; batch < MOST_BATCHES && requests > 0; batch++) {
      for (Place each : pairs(batch)) {
        List<Double> rates = warmUps.computeIfAbsent(each.pair(), _ -> new ArrayList<>());
        if (!isStable(rates)) {
          int size = Math.max(requests, each.pair().concurrency());
          List<Problem> some = new ArrayList<>();
          for (int index = 0; index < size; index++) {
            some.add(problems.get((batch * size + index) % problems.size()));
          }
          attempt(each, 0, some).ifPresent(result -> rates.add(result.tokensPerSecond()));
        }
        ran.run();
      }
    }
  }

  /**
   * Runs what is missing of so many rounds.
   *
   * @param ran is run after every turn, also where nothing was missing
   */
  void run(List<Problem> problems, int rounds, Runnable ran, Listener listener) throws IOException {
    for (int round = 0; round < rounds; round++) {
      boolean any = false;
      for (Place each : pairs(round)) {
        List<Race.Result> finished = results(each.pair());
        if (finished.size() == round) {
          attempt(each, round + 1, problems).ifPresent(finished::add);
          any = true;
        }
        ran.run();
      }
      if (any) {
        listener.finished(round + 1);
      }
    }
  }

  private Optional<Race.Result> attempt(Place place, int round, List<Problem> problems) {
    Race race = place.entrant().race();
    if (lost.contains(race)) {
      return Optional.empty();
    }
    try {
      return Optional.of(race.run(problems, place.concurrency()));
    } catch (CheckpointException
        | UnsupportedModelException
        | DeviceException
        | InvalidOptionException
        | ArithmeticException
        | UncheckedIOException e) {
      lost.add(race);
      failures.add(
          new Failure(
              place.entrant().label(), place.concurrency(), round, String.valueOf(e.getMessage())));
      return Optional.empty();
    }
  }

  private List<Race.Result> results(Pair pair) {
    return results.computeIfAbsent(pair, _ -> new ArrayList<>());
  }

  /** An entrant's turn. */
  private record Place(Entrant entrant, int concurrency) {
    Pair pair() {
      return new Pair(entrant.label(), concurrency);
    }
  }

  /** The turns of a round. */
  private List<Place> pairs(int round) {
    List<Place> pairs = new ArrayList<>();
    for (int concurrency : concurrencies) {
      entrants.forEach(each -> pairs.add(new Place(each, concurrency)));
    }
    return round % 2 == 0 ? pairs : pairs.reversed();
  }

  /** Whether the last rates are about one. */
  static boolean isStable(List<Double> rates) {
    if (rates.size() < ALIKE) {
      return false;
    }
    Estimate.Interval last = Measurement.range(rates.subList(rates.size() - ALIKE, rates.size()));
    return last.high() <= STABLE * last.low();
  }

  /** What was never of one speed before it was measured. */
  List<Pair> unstable() {
    return pairs(0).stream()
        .map(Place::pair)
        .filter(pair -> warmUps.getOrDefault(pair, List.of()).size() == MOST_BATCHES)
        .filter(pair -> !isStable(warmUps.getOrDefault(pair, List.of())))
        .toList();
  }

  List<Failure> failures() {
    return failures;
  }

  /** What has been measured, contestant by contestant. */
  List<Measurement> measurements() {
    List<Measurement> measurements = new ArrayList<>();
    for (Entrant each : entrants) {
      for (int concurrency : concurrencies) {
        Pair pair = new Pair(each.label(), concurrency);
        if (!results(pair).isEmpty()) {
          measurements.add(
              new Measurement(
                  each.label(),
                  each.race().backend(),
                  each.race().sampler(),
                  each.race().options(),
                  each.race().handedOn(),
                  concurrency,
                  warmUps.getOrDefault(pair, List.of()),
                  results(pair)));
        }
      }
    }
    return measurements;
  }
}
