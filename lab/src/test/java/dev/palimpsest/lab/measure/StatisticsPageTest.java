package dev.palimpsest.lab.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.palimpsest.lab.measure.AreaOverCurve.Item;
import dev.palimpsest.lab.measure.AreaOverCurve.Point;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The examples of the section "Statistics" of {@code docs/measures.md}. */
final class StatisticsPageTest {
  private static final Pattern VALUES = Pattern.compile(", | to ");

  @Test
  void everyStatisticHasTheValueThatThePageGives() throws IOException {
    Map<String, double[]> here = computed();
    Map<String, String> page = page();
    assertThat(page.keySet()).containsExactlyElementsOf(here.keySet());
    here.forEach(
        (name, values) ->
            assertThat(values)
                .as(name)
                .containsExactly(
                    VALUES
                        .splitAsStream(page.get(name))
                        .mapToDouble(StatisticsPageTest::value)
                        .toArray(),
                    within(1e-5)));
  }

  private static Map<String, double[]> computed() {
    double[] model = {1, 1, 1, 1, 1, 1, 1, 1, 0, 0};
    double[] other = {1, 1, 0, 0, 0, 0, 0, 1, 1, 0};
    Estimate difference = Bootstrap.difference(model, other, 15).orElseThrow().estimate();
    Estimate.Interval interval = difference.interval().orElseThrow();
    Map<String, double[]> values = new LinkedHashMap<>();
    values.put("difference", new double[] {difference.value()});
    values.put("its interval", new double[] {interval.low(), interval.high()});
    values.put("McNemar", new double[] {McNemar.of(truths(model), truths(other)).p()});
    values.put("Holm", Holm.adjusted(new double[] {0.01, 0.04, 0.03, 0.005}));
    values.put(
        "Spearman",
        Spearman.of(new double[] {1, 2, 3, 4, 5}, new double[] {5, 6, 7, 8, 7}).stream().toArray());
    values.put(
        "AUROC",
        Auroc.of(new double[] {0.35, 0.8, 0.1, 0.4}, truths(1, 1, 0, 0)).stream().toArray());
    values.put(
        "AOC", AreaOverCurve.of(List.of(item(2, 0), item(2, 2), item(4, 4))).stream().toArray());
    values.put(
        "g-mean²",
        Detection.of(truths(1, 1, 1, 0, 1, 0, 0), truths(1, 1, 1, 1, 0, 0, 0))
            .gMeanSquared()
            .stream()
            .toArray());
    List<Optional<String>> answers = Stream.of("8", "8", "8", "7", "7").map(Optional::of).toList();
    values.put("fixed vote", vote(TemporalVote.FIXED, answers));
    values.put("linear vote", vote(TemporalVote.LINEAR, answers));
    values.put("exponential vote", vote(TemporalVote.EXPONENTIAL, answers));
    return values;
  }

  private static double[] vote(TemporalVote vote, List<Optional<String>> answers) {
    return vote.winner(answers).stream().mapToDouble(Double::parseDouble).toArray();
  }

  private static Item item(int length, int needed) {
    return new Item(
        length,
        IntStream.rangeClosed(0, length)
            .mapToObj(kept -> new Point(kept, kept >= needed))
            .toList());
  }

  private static boolean[] truths(double... values) {
    boolean[] truths = new boolean[values.length];
    for (int item = 0; item < values.length; item++) {
      truths[item] = values[item] == 1;
    }
    return truths;
  }

  /** The last column of the table, by the first. */
  private static Map<String, String> page() throws IOException {
    Map<String, String> values = new LinkedHashMap<>();
    Files.readAllLines(Path.of("..", "docs", "measures.md")).stream()
        .dropWhile(line -> !line.equals("| statistic | of | here |"))
        .skip(2)
        .takeWhile(line -> line.startsWith("|"))
        .map(line -> line.split("\\|", -1))
        .forEach(cells -> values.put(cells[1].strip(), cells[3].strip()));
    return values;
  }

  private static double value(String written) {
    String[] parts = written.split("/", -1);
    return parts.length == 1
        ? Double.parseDouble(parts[0])
        : Double.parseDouble(parts[0]) / Double.parseDouble(parts[1]);
  }
}
