package dev.palimpsest.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.app.terminal.Cli;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The examples of docs/interventions.md, run as they stand there. */
final class InterventionsPageTest {
  private static final Pattern EXAMPLE =
      Pattern.compile(
          "```json\n([^`]*)```\n\n```\n\\$ ./palimpsest generate --plan plan.json (.*)\"\\$problem\"\n([^`]*)```");
  private static final Pattern PROBLEM = Pattern.compile("problem=\"([^\"]*)\"");
  private static final JsonMapper JSON = new JsonMapper();

  @TempDir Path folder;

  private static String page() throws IOException {
    return Files.readString(Cli.home().resolve("docs/interventions.md"));
  }

  private static String problem() throws IOException {
    Matcher matcher = PROBLEM.matcher(page());
    assertThat(matcher.find()).isTrue();
    return matcher.group(1);
  }

  private static Stream<MatchResult> examples() throws IOException {
    return EXAMPLE.matcher(page()).results();
  }

  private static List<String> verbs(MatchResult example) {
    return JSON.readTree(example.group(1)).path("transforms").values().stream()
        .map(each -> each.path("do").stringValue())
        .toList();
  }

  @Test
  void everyInterventionOfTheTableHasAnExample() throws IOException {
    List<String> table =
        Pattern.compile("^\\| `([a-z]+)` \\|", Pattern.MULTILINE)
            .matcher(page())
            .results()
            .map(each -> each.group(1))
            .toList();
    assertThat(table).hasSize(8);
    assertThat(examples().flatMap(each -> verbs(each).stream())).containsAll(table);
  }

  @ParameterizedTest
  @MethodSource("examples")
  void anExampleWritesWhatThePageSaysAndATraceInPlainWords(MatchResult example) throws IOException {
    Path plan = Files.writeString(folder.resolve("plan.json"), example.group(1));
    Path trace = folder.resolve("a.trace.jsonl");
    List<String> arguments =
        new ArrayList<>(
            List.of("generate", "--plan", plan.toString(), "--trace", trace.toString()));
    Stream.of(example.group(2).split(" ", -1))
        .filter(each -> !each.isEmpty())
        .forEach(arguments::add);
    arguments.add(problem());
    Outcome outcome = Outcome.of(arguments.toArray(String[]::new));
    assertThat(outcome.code()).as(outcome.err()).isZero();
    assertThat(outcome.out().replace("\r\n", "\n")).isEqualTo(example.group(3));
    List<String> causes =
        Files.readAllLines(trace).stream()
            .map(JSON::readTree)
            .map(each -> each.path("cause"))
            .filter(JsonNode::isString)
            .map(JsonNode::stringValue)
            .toList();
    assertThat(causes).isNotEmpty();
    assertThat(causes)
        .allSatisfy(
            cause ->
                assertThat(cause)
                    .doesNotContain("[", "{", "Optional", "@")
                    .doesNotContainPattern("[a-z][A-Z]|[A-Z]{2}"));
  }

  @Test
  void theAnswerOfTheForcedTemplateIsInTheSlotOfThePage() throws IOException {
    MatchResult template =
        examples().filter(each -> verbs(each).equals(List.of("force"))).findFirst().orElseThrow();
    Matcher slot = Pattern.compile("trace stats (--answer-at) (\\S+) forced").matcher(page());
    assertThat(slot.find()).isTrue();
    Path plan = Files.writeString(folder.resolve("plan.json"), template.group(1));
    Path trace = folder.resolve("forced.trace.jsonl");
    Outcome.of("generate", "--plan", plan.toString(), "--trace", trace.toString(), problem());
    Outcome stats =
        Outcome.of(
            "trace", "stats", "--json", slot.group(1), slot.group(2), "--expect", "22", trace + "");
    assertThat(stats.code()).as(stats.err()).isZero();
    JsonNode measured = JSON.readTree(stats.out()).path("traces").path(0);
    assertThat(measured.path("answer").stringValue("")).as(stats.out()).isEqualTo("22");
  }

  @Test
  void aWordThatTheModelDoesNotKnowCannotBeForced() throws IOException {
    Path plan =
        Files.writeString(
            folder.resolve("plan.json"),
            "{\"transforms\": [{\"when\": \"step=0\", \"do\": \"force\", \"at\": 0, \"text\": \"zebra\"}]}");
    Outcome outcome = Outcome.of("generate", "--plan", plan.toString(), problem());
    assertThat(outcome.code()).isEqualTo(2);
    assertThat(outcome.err())
        .contains("the model does not know 'zebra' of the text 'zebra': use words that it knows")
        .hasLineCount(1);
  }
}
