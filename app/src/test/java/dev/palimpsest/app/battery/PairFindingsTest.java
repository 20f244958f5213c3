package dev.palimpsest.app.battery;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.app.Outcome;
import dev.palimpsest.app.terminal.Cli;
import dev.palimpsest.lab.battery.ItemResult;
import dev.palimpsest.lab.battery.Part;
import dev.palimpsest.lab.battery.part.Monitor;
import dev.palimpsest.sampler.intervention.Paraphraser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** What the pages of two models in {@code docs/findings} say is what their observations give. */
final class PairFindingsTest {
  private static final Path PAGES = Cli.home().resolve("docs/findings");
  private static final List<String> PAIRS = List.of("pair", "chain", "sudoku");
  private static final Pattern ROW =
      Pattern.compile("^\\|[^|]*\\| `([^`]+)` \\| (.+) \\|$", Pattern.MULTILINE);

  @TempDir private Path folder;

  static List<String> pages() throws IOException {
    try (Stream<Path> folders = Files.list(PAGES)) {
      return folders
          .filter(each -> Files.exists(each.resolve("battery.json")))
          .map(each -> each.getFileName().toString())
          .sorted()
          .toList();
    }
  }

  @ParameterizedTest
  @MethodSource("pages")
  void theNumbersAreComputedOfTheObservations(String name) throws IOException {
    Path page = PAGES.resolve(name);
    Files.copy(page.resolve("items.jsonl.gz"), folder.resolve("items.jsonl.gz"));
    Outcome outcome = Outcome.of("battery", "--page-only", "--to", folder.toString());
    assertThat(outcome.code()).as(outcome.err()).isZero();
    for (String file : List.of("battery.json", "battery.html")) {
      assertThat(folder.resolve(file)).hasSameTextualContentAs(page.resolve(file));
    }
  }

  @ParameterizedTest
  @MethodSource("pages")
  void theTableIsThatOfTheNumbers(String name) throws IOException {
    Path page = PAGES.resolve(name);
    JsonNode numbers = numbers(name);
    assertTable(page.resolve("README.md"), Map.of(name, numbers), 5);
  }

  @Test
  void theTableOfAllPairsIsThatOfTheirNumbers() throws IOException {
    Map<String, JsonNode> pairs = new LinkedHashMap<>();
    for (String name : PAIRS) {
      pairs.put(name, numbers(name));
    }
    assertTable(PAGES.resolve("README.md"), pairs, 10);
  }

  @Test
  void theTableOfEqualCostIsThatOfTheContrasts() throws IOException {
    String page = Files.readString(PAGES.resolve("README.md"));
    String part = page.substring(page.indexOf("## At equal cost"));
    for (String name : PAIRS) {
      JsonNode numbers = numbers(name);
      JsonNode contrast =
          numbers.path("contrasts").values().stream()
              .filter(each -> each.path("condition").asString("").equals("iso_nfe"))
              .findAny()
              .orElseThrow();
      double x = contrast.path("x").doubleValue();
      JsonNode cell =
          numbers.path("cells").values().stream()
              .filter(each -> each.path("condition").asString("").equals("steps"))
              .filter(each -> each.path("x").doubleValue() == x)
              .findAny()
              .orElseThrow();
      double twin =
          BatteryFile.read(PAGES.resolve(name).resolve("items.jsonl.gz")).items().stream()
              .filter(item -> item.model().equals(models(numbers).getLast()))
              .mapToInt(ItemResult::nfe)
              .average()
              .orElseThrow();
      assertThat(part)
          .contains(
              String.format(
                  Locale.ROOT,
                  "| %s | %s | %.1f | %.1f | %s | %s | %.2g |\n",
                  models(numbers).getFirst(),
                  x,
                  cell.path("nfe").doubleValue(),
                  twin,
                  shown(cell.path("right")),
                  shown(contrast),
                  contrast.path("p_holm").doubleValue()));
    }
  }

  @ParameterizedTest
  @MethodSource("pages")
  void everyNumberIsDefined(String name) throws IOException {
    String definitions =
        Files.readString(Cli.home().resolve("docs/battery.md"))
            + Files.readString(Cli.home().resolve("docs/measures.md"));
    JsonNode numbers = numbers(name);
    Set<String> names = new TreeSet<>();
    for (JsonNode figure : numbers.path("figures").values()) {
      String shown = figure.path("name").asString("");
      names.add(
          shown
              .replaceFirst("^(aoc|auroc)_.*", "$1_CONDITION")
              .replaceFirst("^spearman_.*", "spearman_A_B")
              .replaceFirst("^canvas_", "")
              .replaceFirst("_(ties|in_the_end)$", ""));
    }
    for (JsonNode cell : numbers.path("cells").values()) {
      names.addAll(cell.path("flags").propertyNames());
      names.addAll(cell.path("numbers").propertyNames());
      names.add(cell.path("part").asString(""));
    }
    assertThat(names)
        .allSatisfy(
            each ->
                assertThat(definitions)
                    .containsAnyOf("`" + each + "`", "`" + each.replaceFirst("@.*", "@k") + "`"));
  }

  @Test
  void everyPartHasASectionAndIsNamedInTheHelp() {
    List<String> parts =
        BatteryFile.read(PAGES.resolve("pair/items.jsonl.gz"))
            .facts()
            .settings()
            .all(new Paraphraser.Identity(), new Monitor.FalseEquation())
            .stream()
            .map(Part::name)
            .toList();
    assertThat(Section.ALL).extracting(Section::part).containsExactlyElementsOf(parts);
    assertThat(Outcome.of("battery", "--help").out().replaceAll("\\s+", " "))
        .contains(String.join(", ", parts));
  }

  private static JsonNode numbers(String name) throws IOException {
    return new JsonMapper().readTree(Files.readString(PAGES.resolve(name).resolve("battery.json")));
  }

  private static List<String> models(JsonNode numbers) {
    return numbers.path("models").values().stream()
        .map(model -> model.path("name").asString(""))
        .toList();
  }

  /** Every row of a page that names a number has it for each model, in the order of the pairs. */
  private static void assertTable(Path page, Map<String, JsonNode> pairs, int fewest)
      throws IOException {
    List<MatchResult> rows = ROW.matcher(Files.readString(page)).results().toList();
    assertThat(rows).hasSizeGreaterThanOrEqualTo(fewest);
    for (MatchResult row : rows) {
      List<String> expected = new ArrayList<>();
      for (JsonNode numbers : pairs.values()) {
        for (String model : models(numbers)) {
          expected.add(shown(find(numbers, model, row.group(1).split(" ", -1))));
        }
      }
      assertThat(row.group(2)).as(row.group(1)).isEqualTo(String.join(" | ", expected));
    }
  }

  /** A figure by its part and name, or a number of a cell by its part, condition and name. */
  private static JsonNode find(JsonNode numbers, String model, String[] names) {
    boolean figure = names.length == 2;
    for (JsonNode each : numbers.path(figure ? "figures" : "cells").values()) {
      if (each.path("model").asString("").equals(model)
          && each.path("part").asString("").equals(names[0])
          && each.path(figure ? "name" : "condition").asString("").equals(names[1])) {
        return figure
            ? each
            : each.path("flags").has(names[2])
                ? each.path("flags").path(names[2])
                : each.path("numbers").path(names[2]);
      }
    }
    return numbers.path("none");
  }

  private static String shown(JsonNode estimate) {
    if (estimate.isMissingNode()) {
      return "–";
    }
    JsonNode interval = estimate.path("interval");
    String value = String.format(Locale.ROOT, "%.3f", estimate.path("value").doubleValue());
    return interval.isMissingNode()
        ? value
        : String.format(
            Locale.ROOT,
            "%s [%.3f, %.3f]",
            value,
            interval.path(0).doubleValue(),
            interval.path(1).doubleValue());
  }
}
