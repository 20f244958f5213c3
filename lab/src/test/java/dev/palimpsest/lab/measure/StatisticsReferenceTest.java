package dev.palimpsest.lab.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.palimpsest.lab.measure.AreaOverCurve.Item;
import dev.palimpsest.lab.measure.AreaOverCurve.Point;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The statistics against {@code tests/battery/statistics_reference.py}, which computes them from
 * their definitions: run by the python3 of the path, or the one that the variable PALIMPSEST_PYTHON
 * names.
 */
final class StatisticsReferenceTest {
  private static final JsonMapper JSON = new JsonMapper();
  private static final Path REFERENCE =
      Path.of("..", "tests", "battery", "statistics_reference.py");

  @TempDir private Path folder;

  /** What both compute, and what comes out here. */
  private record Case(String name, List<?> arguments, Object here) {}

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {1, 2})
  void pythonFindsTheSameFromTheDefinitions(long seed) throws Exception {
    assumeTrue(
        python(List.of("-c", "import math; math.comb(2, 1)"), "[]"), "no python3 from 3.8 here");
    List<Case> cases = cases(new Random(seed));
    List<List<?>> asked = new ArrayList<>();
    cases.forEach(each -> asked.add(List.of(each.name, each.arguments)));
    assertThat(python(List.of(REFERENCE.toString()), JSON.writeValueAsString(asked))).isTrue();
    JsonNode there = JSON.readTree(Files.readString(folder.resolve("out.json")));
    assertThat(there.size()).isEqualTo(cases.size());
    for (int i = 0; i < cases.size(); i++) {
      Case asking = cases.get(i);
      assertSame(
          JSON.valueToTree(asking.here),
          there.get(i),
          asking.name + JSON.writeValueAsString(asking.arguments));
    }
  }

  private static List<Case> cases(Random random) {
    List<Case> cases = new ArrayList<>();
    for (int round = 0; round < 20; round++) {
      int n = 1 + random.nextInt(12);
      int hits = random.nextInt(n + 1);
      Estimate share = Estimate.share(hits, n);
      Estimate other = Estimate.share(random.nextInt(8), 7);
      cases.add(new Case("share", List.of(hits, n), list(share)));
      cases.add(
          new Case(
              "difference_of_shares",
              List.of(list(share), list(other)),
              list(Estimate.difference(share, other))));
      int[] trials = random.ints(n, 0, 4).toArray();
      int[] each = IntStream.of(trials).map(most -> random.nextInt(most + 1)).toArray();
      cases.add(
          new Case(
              "clustered_share",
              List.of(each, trials),
              Estimate.share(each, trials).map(StatisticsReferenceTest::list)));
      double[] values = random.doubles(n).toArray();
      cases.add(new Case("student_mean", List.of(values, 1), list(Estimate.mean(values, 1))));

      boolean[] first = flags(random, n);
      boolean[] second = flags(random, n);
      cases.add(new Case("mcnemar", List.of(first, second), McNemar.of(first, second).p()));
      Detection detection = Detection.of(first, second);
      cases.add(
          new Case(
              "detection",
              List.of(first, second),
              List.of(
                  detection.tpr().map(StatisticsReferenceTest::list),
                  detection.tnr().map(StatisticsReferenceTest::list),
                  detection.gMeanSquared())));
      double[] p = random.ints(n, 0, 20).mapToDouble(step -> step / 60.0).toArray();
      cases.add(new Case("holm", List.of(p), Holm.adjusted(p)));
      double[] some = random.ints(n, 0, 4).asDoubleStream().toArray();
      double[] others = random.ints(n, 0, 4).asDoubleStream().toArray();
      cases.add(new Case("spearman", List.of(some, others), Spearman.of(some, others)));
      cases.add(new Case("auroc", List.of(some, first), Auroc.of(some, first)));
      List<Item> items = items(random, n);
      cases.add(new Case("area_over_curve", List.of(list(items)), AreaOverCurve.of(items)));
      List<Optional<String>> answers =
          random
              .ints(n, 0, 4)
              .mapToObj(answer -> Optional.of(answer).filter(a -> a > 0).map(String::valueOf))
              .toList();
      for (TemporalVote vote : TemporalVote.values()) {
        cases.add(
            new Case(
                "temporal_vote",
                List.of(answers, vote.name().toLowerCase(Locale.ROOT)),
                vote.winner(answers)));
      }
    }

    int n = 10 + random.nextInt(10);
    long seed = random.nextLong();
    double[] values = random.doubles(n).toArray();
    double[] others = random.ints(n, 0, 4).asDoubleStream().toArray();
    boolean[] flags = flags(random, n);
    boolean[] positive = flags(random, n);
    List<Item> items = items(random, n);
    add(cases, "mean_interval", List.of(values, seed), Bootstrap.mean(values, seed));
    add(
        cases,
        "difference_interval",
        List.of(values, others, seed),
        Bootstrap.difference(values, others, seed));
    add(
        cases,
        "spearman_interval",
        List.of(values, others, seed),
        Spearman.interval(values, others, seed));
    add(
        cases,
        "auroc_interval",
        List.of(others, positive, seed),
        Auroc.interval(others, positive, seed));
    add(
        cases,
        "detection_interval",
        List.of(flags, positive, seed),
        Detection.gMeanSquared(flags, positive, seed));
    add(
        cases,
        "area_over_curve_interval",
        List.of(list(items), seed),
        AreaOverCurve.interval(items, seed));
    double[] alike = {0.7, 0.7, 0.7};
    add(cases, "mean_interval", List.of(alike, seed), Bootstrap.mean(alike, seed));
    return cases;
  }

  private static void add(
      List<Case> cases, String name, List<?> arguments, Optional<Bootstrap> bootstrap) {
    cases.add(
        new Case(
            name,
            arguments,
            bootstrap.map(
                each ->
                    List.of(
                        each.estimate().value(),
                        each.estimate().n(),
                        each.estimate().interval().map(StatisticsReferenceTest::list),
                        each.undefined()))));
  }

  private static boolean[] flags(Random random, int n) {
    boolean[] flags = new boolean[n];
    for (int item = 0; item < n; item++) {
      flags[item] = random.nextBoolean();
    }
    return flags;
  }

  /** Some with few points, some without the first or without any reasoning. */
  private static List<Item> items(Random random, int n) {
    return IntStream.range(0, n)
        .mapToObj(
            item -> {
              int length = random.nextInt(5);
              return new Item(
                  length,
                  IntStream.rangeClosed(0, length)
                      .filter(kept -> random.nextInt(6) > 0)
                      .mapToObj(kept -> new Point(kept, random.nextInt(length + 2) <= kept))
                      .toList());
            })
        .toList();
  }

  private static List<?> list(Estimate estimate) {
    return List.of(
        estimate.value(), estimate.n(), estimate.interval().map(StatisticsReferenceTest::list));
  }

  private static List<?> list(Estimate.Interval interval) {
    return List.of(interval.low(), interval.high());
  }

  private static List<?> list(List<Item> items) {
    return items.stream()
        .map(
            item ->
                List.of(
                    item.length(),
                    item.points().stream()
                        .map(point -> List.of(point.kept(), point.same()))
                        .toList()))
        .toList();
  }

  private static void assertSame(JsonNode here, JsonNode there, String of) {
    if (here.isArray()) {
      assertThat(there.size()).as(of).isEqualTo(here.size());
      for (int i = 0; i < here.size(); i++) {
        assertSame(here.get(i), there.get(i), of);
      }
    } else if (here.isNumber()) {
      assertThat(there.isNumber()).as(of).isTrue();
      assertThat(there.asDouble()).as(of).isCloseTo(here.asDouble(), within(1e-9));
    } else {
      assertThat(there).as(of).isEqualTo(here);
    }
  }

  /** Whether python3 is there and ends well; what it prints is in {@code out.json}. */
  private boolean python(List<String> arguments, String in) throws InterruptedException {
    List<String> command = new ArrayList<>(arguments);
    command.addFirst(Optional.ofNullable(System.getenv("PALIMPSEST_PYTHON")).orElse("python3"));
    try {
      return new ProcessBuilder(command)
              .redirectInput(Files.writeString(folder.resolve("in.json"), in).toFile())
              .redirectOutput(folder.resolve("out.json").toFile())
              .redirectError(folder.resolve("errors.txt").toFile())
              .start()
              .waitFor()
          == 0;
    } catch (IOException e) {
      return false;
    }
  }
}
