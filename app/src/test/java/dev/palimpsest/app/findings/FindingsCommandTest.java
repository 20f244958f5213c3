package dev.palimpsest.app.findings;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.app.ChildProcess;
import dev.palimpsest.app.Outcome;
import dev.palimpsest.app.file.Journal;
import dev.palimpsest.app.file.Problem;
import dev.palimpsest.app.terminal.Cli;
import dev.palimpsest.lab.study.Experiment;
import dev.palimpsest.lab.study.Item;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The experiment over a few problems with the bundled model, and the page about all of them. */
final class FindingsCommandTest {
  @TempDir private Path folder;

  @Test
  void aFewProblemsAreMeasuredAndThePageIsWrittenAgainFromTheirItems() throws IOException {
    String to = folder.toString();
    Outcome outcome =
        Outcome.of("findings", "--limit", "2", "--at", "40,47", "--seed", "7", "--to", to);
    assertThat(outcome.code()).as(outcome.err()).isZero();
    assertThat(outcome.out().lines())
        .containsExactly(
            folder.resolve("README.md").toString(),
            folder.resolve("timing.svg").toString(),
            folder.resolve("flips.svg").toString(),
            folder.resolve("loops.svg").toString());
    FindingsFile findings = FindingsFile.read(folder.resolve("items.jsonl.gz"));
    assertThat(findings.run().at()).containsExactly(40, 47);
    assertThat(findings.items()).hasSize(2);
    for (Item item : findings.items()) {
      assertThat(item.seed()).isEqualTo(7 + item.problem());
      assertThat(item.trials())
          .filteredOn(each -> each.edit().equals(Experiment.NONE))
          .hasSize(1)
          .allMatch(Item.Trial::sameCanvas);
    }

    Path readme = folder.resolve("README.md");
    String page = Files.readString(readme);
    assertThat(page).contains("2 of `eval.jsonl`", "| no edit (control) |");
    Files.writeString(readme, "Words of a hand. <!-- loops -->old<!-- /loops --> More of them.");
    assertThat(Outcome.of("findings", "--page-only", "--to", to).code()).isZero();
    String loops = FindingsPage.parts(findings).get("loops");
    assertThat(readme)
        .hasContent("Words of a hand. <!-- loops -->\n" + loops + "<!-- /loops --> More of them.");
  }

  @Test
  void aShortGenerationIsEditedAsFarAlong() throws IOException {
    Outcome outcome =
        Outcome.of("findings", "--limit", "1", "--steps", "6", "--to", folder.toString());
    assertThat(outcome.code()).as(outcome.err()).isZero();
    FindingsFile findings = FindingsFile.read(folder.resolve("items.jsonl.gz"));
    assertThat(findings.run().at()).containsExactly(3, 4, 5);
    assertThat(findings.run().plainSteps()).containsExactly(1, 3);
  }

  @Test
  void whatEndedTheCommandTheSameCommandGoesOnToTheSameItems() throws IOException {
    Path whole = folder.resolve("whole");
    Path cut = folder.resolve("cut");
    assertThat(measure(whole, 4, 9).code()).isZero();
    FindingsFile all = FindingsFile.read(whole.resolve("items.jsonl.gz"));
    assertThat(whole.resolve("items.jsonl")).doesNotExist();
    for (int finished = 0; finished < 4; finished++) {
      Files.createDirectories(cut);
      Files.deleteIfExists(cut.resolve("items.jsonl.gz"));
      Path journal = cut.resolve("items.jsonl");
      try (Journal begun = Journal.open(journal, all.run(), List.of())) {
        for (Item item : all.items().subList(0, finished)) {
          begun.add(item);
        }
      }
      Files.writeString(journal, "{\"problem\": 3, \"se", StandardOpenOption.APPEND);
      Outcome outcome = measure(cut, 4, 9);
      assertThat(outcome.code()).as(outcome.err()).isZero();
      assertThat(FindingsFile.read(cut.resolve("items.jsonl.gz"))).isEqualTo(all);
      assertThat(journal).doesNotExist();
    }
    assertThat(measure(cut, 5, 9).code()).isZero();
    assertThat(FindingsFile.read(cut.resolve("items.jsonl.gz")).items())
        .hasSize(5)
        .startsWith(all.items().toArray(Item[]::new));
  }

  @Test
  void whoeverIsToldToEndKeepsWhatIsMeasuredAndSaysHowToGoOn() throws Exception {
    Path journal = folder.resolve("to").resolve("items.jsonl");
    Process process =
        ChildProcess.start(folder, List.of("findings", "--at", "40", "--batch", "1", "--to", "to"));
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
        .contains("of 1000 problems are measured and kept in to; the same command goes on");
    assertThat(folder.resolve("to").resolve("items.jsonl.gz")).doesNotExist();
    String page =
        Outcome.of("findings", "--page-only", "--to", folder.resolve("to").toString()).err();
    assertThat(page).contains("items.jsonl.gz: there is no such file of findings");
    Outcome outcome =
        Outcome.of(
            "findings", "--at", "40", "--limit", "2", "--to", folder.resolve("to").toString());
    assertThat(outcome.code()).as(outcome.err()).isZero();
    assertThat(FindingsFile.read(folder.resolve("to").resolve("items.jsonl.gz")).items())
        .hasSizeGreaterThanOrEqualTo(2);
  }

  @Test
  void itemsOfOtherOptionsAreNeverReplaced() throws IOException {
    assertThat(measure(folder, 1, 9).code()).isZero();
    byte[] before = Files.readAllBytes(folder.resolve("items.jsonl.gz"));
    Outcome outcome = measure(folder, 1, 10);
    assertThat(outcome.code()).isEqualTo(1);
    assertThat(outcome.err())
        .contains("items.jsonl.gz: it holds results for seed 9, and now it is 10");
    assertThat(folder.resolve("items.jsonl.gz")).hasBinaryContent(before);
  }

  @Test
  void noFileThatIsReadIsWrittenOver() throws IOException {
    for (String name : List.of("items.jsonl", "items.jsonl.gz", "README.md", "flips.svg")) {
      Path problems = folder.resolve(name);
      Files.copy(Problem.heldOut(), problems);
      byte[] before = Files.readAllBytes(problems);
      Outcome outcome =
          Outcome.of(
              "findings", "--limit", "1", "--file", problems.toString(), "--to", folder.toString());
      assertThat(outcome.code()).isEqualTo(2);
      assertThat(outcome.err()).contains("--to " + problems, "use another name");
      assertThat(problems).hasBinaryContent(before);
      Files.delete(problems);
    }
  }

  private static Outcome measure(Path to, int limit, int seed) {
    return Outcome.of(
        "findings",
        "--at",
        "40",
        "--batch",
        "3",
        "--limit",
        String.valueOf(limit),
        "--seed",
        String.valueOf(seed),
        "--to",
        to.toString());
  }

  @Test
  void thePageInTheDocumentsIsWhatItsItemsSay() throws IOException {
    Path findings = Cli.home().resolve("docs/findings/time");
    String page = Files.readString(findings.resolve("README.md"));
    FindingsFile file = FindingsFile.read(findings.resolve("items.jsonl.gz"));
    assertThat(page).contains("| problems | " + file.items().size() + " of `eval.jsonl` |");
    Map<String, String> parts = FindingsPage.parts(file);
    parts.forEach(
        (name, text) ->
            assertThat(page).contains("<!-- " + name + " -->\n" + text + "<!-- /" + name + " -->"));
    assertThat(file.items())
        .flatExtracting(Item::trials)
        .filteredOn(each -> each.edit().equals(Experiment.NONE))
        .hasSameSizeAs(file.items())
        .allMatch(Item.Trial::sameCanvas);
  }

  @ParameterizedTest
  @CsvSource({
    "0, GIVEN",
    "3, GIVEN",
    "5, RESULT",
    "9, CARRIED",
    "12, GIVEN",
    "14, LAST_RESULT",
    "18, OTHER"
  })
  void aDigitIsKnownByItsPlaceInTheEquations(int position, Outcomes.Role role) {
    List<String> tokens = List.of("24+7=31. 31-9=22. 8".split("", -1));
    Item.Trial trial =
        new Item.Trial(
            Experiment.DIGIT,
            1,
            0,
            2,
            List.of(new Item.Write(position, "2", "3")),
            List.of(),
            Optional.empty(),
            false);
    Item item =
        new Item(
            0,
            0,
            "22",
            tokens,
            Optional.of("22"),
            Optional.of(
                new Item.Timing(
                    tokens.size(),
                    0,
                    0,
                    OptionalInt.empty(),
                    OptionalInt.empty(),
                    0,
                    OptionalDouble.empty(),
                    List.of())),
            List.of(),
            List.of(trial),
            List.of());
    assertThat(Outcomes.role(item, trial)).isEqualTo(role);
  }

  @ParameterizedTest
  @CsvSource({
    "--at 48, --at: step 48 is not in a generation of 48: use 0 to 47",
    "--batch 0, --batch 0 is invalid: use 1 or above",
    "--threshold 0.9, '--threshold' is no option of palimpsest findings",
    "--model MODELS/abacus-ar, does not see its whole canvas at once",
    "--limit 0, --limit 0 is invalid: use 1 or above"
  })
  void whatCannotBeMeasuredIsRefusedInOneLine(String option, String message) {
    Outcome outcome =
        Outcome.of(
            ("findings --to " + folder + " " + option)
                .replace("MODELS", Cli.home().resolve("models").toString())
                .split(" ", -1));
    assertThat(outcome.code()).as(outcome.err()).isEqualTo(2);
    assertThat(outcome.err().lines().toList()).last().asString().contains(message);
    assertThat(folder).isEmptyDirectory();
  }

  @Test
  void itemsThatAreNoneAreNamed() throws IOException {
    Files.writeString(folder.resolve("items.jsonl.gz"), "nothing");
    Outcome outcome = Outcome.of("findings", "--page-only", "--to", folder.toString());
    assertThat(outcome.code()).isEqualTo(1);
    assertThat(outcome.err()).contains("items.jsonl.gz: it is not whole or not packed");
  }
}
