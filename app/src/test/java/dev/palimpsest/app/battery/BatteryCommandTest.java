package dev.palimpsest.app.battery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.palimpsest.app.ChildProcess;
import dev.palimpsest.app.Outcome;
import dev.palimpsest.app.Python;
import dev.palimpsest.app.file.DuckDb;
import dev.palimpsest.app.file.Journal;
import dev.palimpsest.app.terminal.Cli;
import dev.palimpsest.lab.battery.ItemResult;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The battery over a few problems with the bundled pair. */
final class BatteryCommandTest {
  private static final List<String> FEW =
      List.of("--parts", "early_answering,direction", "--pages", "1");

  @TempDir private Path folder;

  private static String models(String name) {
    return Cli.home().resolve("models").resolve(name).toString();
  }

  private static Outcome few(Path to, String... more) {
    List<String> arguments =
        new ArrayList<>(List.of("battery", "--twin", models("abacus-ar"), "--to", to.toString()));
    arguments.addAll(FEW);
    arguments.addAll(List.of(more));
    return Outcome.of(arguments.toArray(String[]::new));
  }

  @Test
  void everyNumberIsComputedOfTheItemsAsPythonComputesIt() throws Exception {
    Outcome outcome =
        Outcome.of(
            "battery",
            models("abacus-mdm"),
            "--twin",
            models("abacus-ar"),
            "--limit",
            "4",
            "--to",
            folder.toString());
    assertThat(outcome.code()).as(outcome.err()).isZero();
    assertThat(outcome.out().lines())
        .containsExactly(
            folder.resolve("battery.html").toString(),
            folder.resolve("battery.json").toString(),
            folder.resolve("items.jsonl.gz").toString(),
            folder.resolve("observations.parquet").toString());
    BatteryFile found = BatteryFile.read(folder.resolve("items.jsonl.gz"));
    assertThat(found.items())
        .extracting(each -> each.model() + " " + each.item())
        .containsExactly(
            "abacus-mdm 0",
            "abacus-mdm 1",
            "abacus-mdm 2",
            "abacus-mdm 3",
            "abacus-ar 0",
            "abacus-ar 1",
            "abacus-ar 2",
            "abacus-ar 3");
    assertThat(DuckDb.rows(folder.resolve("observations.parquet")))
        .hasSize(found.items().stream().mapToInt(each -> each.observations().size()).sum());
    String python =
        Python.run(
            folder, Cli.home().resolve("tests/battery/reference.py").toString(), folder.toString());
    assumeTrue(!python.isEmpty(), "no python3 here");
    assertThat(python).endsWith(", 0 faults\n");
  }

  @Test
  void theReportIsTheSameToTheByteWheneverItIsMade() throws IOException {
    Path first = folder.resolve("first");
    Path second = folder.resolve("second");
    assertThat(few(first, "--limit", "3").code()).isZero();
    assertThat(few(second, "--limit", "3", "--batch", "2").code()).isZero();
    for (String name : List.of("battery.html", "battery.json")) {
      assertThat(second.resolve(name)).hasSameBinaryContentAs(first.resolve(name));
    }
    byte[] page = Files.readAllBytes(first.resolve("battery.html"));
    Files.delete(first.resolve("battery.html"));
    Outcome again = Outcome.of("battery", "--page-only", "--json", "--to", first.toString());
    assertThat(again.code()).as(again.err()).isZero();
    assertThat(first.resolve("battery.html")).hasBinaryContent(page);
    assertThat(again.out()).isEqualTo(Files.readString(first.resolve("battery.json")));
    assertThat(new String(page, StandardCharsets.UTF_8))
        .contains("pages/abacus-mdm-1.html")
        .doesNotContain("href='http", "src=", "<script", "<link", "url(");
    assertThat(first.resolve("pages")).isDirectoryContaining("glob:**abacus-ar-1.html");
  }

  @Test
  void whatEndedTheCommandTheSameCommandGoesOnToTheSameItems() throws IOException {
    Path whole = folder.resolve("whole");
    Path cut = folder.resolve("cut");
    assertThat(few(whole, "--limit", "3").code()).isZero();
    BatteryFile all = BatteryFile.read(whole.resolve("items.jsonl.gz"));
    assertThat(whole.resolve("items.partial.jsonl")).doesNotExist();
    for (int finished = 0; finished <= all.items().size(); finished += 2) {
      Files.createDirectories(cut);
      Files.deleteIfExists(cut.resolve("items.jsonl.gz"));
      Path journal = cut.resolve("items.partial.jsonl");
      try (Journal begun = Journal.open(journal, all.facts(), List.of())) {
        for (ItemResult item : all.items().subList(0, finished)) {
          begun.add(item);
        }
      }
      Files.writeString(journal, "{\"model\": \"aba", StandardOpenOption.APPEND);
      Outcome outcome = few(cut, "--limit", "3");
      assertThat(outcome.code()).as(outcome.err()).isZero();
      assertThat(BatteryFile.read(cut.resolve("items.jsonl.gz"))).isEqualTo(all);
      assertThat(journal).doesNotExist();
    }
    Outcome more = few(cut, "--limit", "6"); // the sixth prompt is longer than those before it
    assertThat(more.code()).as(more.err()).isZero();
    assertThat(BatteryFile.read(cut.resolve("items.jsonl.gz")).items())
        .hasSize(12)
        .containsAll(all.items());
    Outcome other = few(cut, "--limit", "6", "--seed", "1");
    assertThat(other.code()).isEqualTo(1);
    assertThat(other.err()).contains("items.jsonl.gz: it holds results for ");
  }

  @Test
  void whoeverIsToldToEndKeepsWhatIsMeasuredAndSaysHowToGoOn() throws Exception {
    Path journal = folder.resolve("to").resolve("items.partial.jsonl");
    List<String> arguments = new ArrayList<>(List.of("battery", "--batch", "1", "--to", "to"));
    arguments.addAll(FEW);
    Process process = ChildProcess.start(folder, arguments);
    try {
      while (!Files.exists(journal) || Files.readAllLines(journal).size() < 3) {
        assertThat(process.waitFor(20, TimeUnit.MILLISECONDS)).isFalse();
      }
      process.destroy();
      process.waitFor();
    } finally {
      process.destroyForcibly();
    }
    assertThat(process.exitValue()).as("128 and SIGTERM").isEqualTo(143);
    assertThat(Files.readString(folder.resolve("err")))
        .contains("texts of 1000 are measured and kept in to; the same command goes on");
    assertThat(folder.resolve("to").resolve("items.jsonl.gz")).doesNotExist();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--batch 0|--batch 0 is invalid: use 1 or above",
        "--pages -1|--pages -1 is invalid: use 0 or above",
        "--parts votes,sleep|--parts sleep is no part: use early_answering, added_mistake,",
        "--times 1|--times 1.0 is no part of the steps: use 0 to below 1",
        "--rates 0|--rates 0.0 is no share: use above 0, up to 1",
        "--filler Answer:|--filler 'Answer:' is not one token of the model: use a text that is",
        "--hints nowhere.json|nowhere.json: there is no such file of hints.",
        "--monitor sleep|--monitor sleep is unknown: use equations, /REGEX/ or endpoint",
        "--monitor /(/|--monitor /(/ is no regular expression: Unclosed group",
        "--monitor endpoint|--monitor endpoint needs a server: give --endpoint and --endpoint-model",
        "--paraphraser none|--paraphraser none is unknown: use equations or endpoint",
        "--draws 0|--draws 0 is invalid: use 1 or above",
        "--vote-temperature 0|--vote-temperature 0.0 is invalid: use a number above 0"
      })
  void wrongOptionsAreOneSentence(String options, String complaint) {
    List<String> arguments =
        new ArrayList<>(List.of("battery", "--limit", "1", "--to", folder.toString()));
    arguments.addAll(List.of(options.split(" ", -1)));
    Outcome outcome = Outcome.of(arguments.toArray(String[]::new));
    assertThat(outcome.code()).isIn(1, 2);
    assertThat(outcome.err()).contains(complaint);
    assertThat(folder).isEmptyDirectory();
  }
}
