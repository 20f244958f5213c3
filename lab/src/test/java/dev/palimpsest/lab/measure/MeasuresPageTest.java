package dev.palimpsest.lab.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.palimpsest.lab.answer.SpanRule;
import dev.palimpsest.lab.answer.Spans;
import dev.palimpsest.sampler.trace.Trace;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** The worked example of {@code docs/measures.md}, whose values were found on paper. */
final class MeasuresPageTest {
  private static final Path DOCS = Path.of("..", "docs");
  private static final Pattern CELLS = Pattern.compile("\\|");

  @TestFactory
  List<DynamicTest> everyMeasureHasTheValueThatThePageGives() throws IOException {
    Measures measures =
        Measures.of(
            Trace.readWhole(DOCS.resolve("measures.trace.jsonl")),
            new SpanRule.Matching(Spans.ANSWER),
            Optional.of("7"));
    List<DynamicTest> tests = new ArrayList<>();
    for (Map.Entry<String, String> row : values().entrySet()) {
      tests.add(
          DynamicTest.dynamicTest(
              row.getKey() + " = " + row.getValue(),
              () ->
                  assertValue(
                      Optional.ofNullable(measures.values().get(row.getKey())), row.getValue())));
    }
    return tests;
  }

  @Test
  void thePageDefinesEveryMeasureThereIsAndNoOther() throws IOException {
    assertThat(values().keySet()).containsExactlyInAnyOrderElementsOf(Measures.names());
  }

  private static void assertValue(Optional<Double> value, String written) {
    if (written.equals("–")) {
      assertThat(value).isEmpty();
    } else {
      String[] parts = written.split("/", 2);
      double right =
          parts.length == 1
              ? Double.parseDouble(parts[0])
              : Double.parseDouble(parts[0]) / Double.parseDouble(parts[1]);
      assertThat(value.orElseThrow()).isCloseTo(right, within(1e-5));
    }
  }

  /** What the page's tables say, by measure: the last cell, or of measures of order the four. */
  private static Map<String, String> values() throws IOException {
    Set<String> order = Set.copyOf(Measures.ORDER);
    Set<String> others = Set.copyOf(Measures.OTHERS);
    Map<String, String> values = new LinkedHashMap<>();
    for (String line : Files.readAllLines(DOCS.resolve("measures.md"))) {
      List<String> cells = CELLS.splitAsStream(line).map(String::strip).toList();
      String name = cells.size() > 2 ? cells.get(1).replace("`", "") : "";
      if (order.contains(name)) {
        values.put(name, cells.get(2));
        values.put(name + Measures.TIES, cells.get(3));
        values.put(Measures.CANVAS + name, cells.get(4));
        values.put(Measures.CANVAS + name + Measures.TIES, cells.get(5));
      } else if (others.contains(name)) {
        values.put(name, cells.getLast());
      }
    }
    return values;
  }
}
