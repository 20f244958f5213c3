package dev.palimpsest.jinja;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** README.md says what is so. */
final class ReadmeTest {
  private static final Path SOURCE =
      Path.of("src", "test", "java", "dev", "palimpsest", "jinja", "ReadmeTest.java");

  @Test
  void itsProgramRendersAPrompt() throws IOException {
    JinjaTemplate template =
        new JinjaTemplate("{% for m in messages %}<|{{ m.role }}|>{{ m.content }}\n{% endfor %}");
    List<Map<String, String>> messages = List.of(Map.of("role", "user", "content", "Hello"));
    String prompt = template.render(Map.of("messages", messages), 10_000);
    assertThat(prompt).isEqualTo("<|user|>Hello\n");

    String source = withoutBlanks(Files.readString(SOURCE));
    List<String> statements =
        between("```java\n", "```")
            .lines()
            .filter(line -> !line.isBlank() && !line.startsWith("import dev."))
            .map(line -> withoutBlanks(line.replaceFirst(" // .*", "")))
            .toList();
    assertThat(statements).hasSize(5).allMatch(source::contains);
  }

  @Test
  void itsFiltersAreThoseThereAre() throws IOException {
    List<String> filters =
        Pattern.compile("`(\\w+)`")
            .matcher(between("- Filters: ", ".\n"))
            .results()
            .map((MatchResult name) -> name.group(1))
            .toList();
    assertThat(filters).containsExactlyElementsOf(Filters.NAMES.stream().sorted().toList());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "block",
        "extends",
        "include",
        "import",
        "from",
        "do",
        "autoescape",
        "trans",
        "debug",
      })
  void itsRefusedBlocksAreRefused(String block) throws IOException {
    assertThat(between("## What it refuses", "the filters")).contains("`" + block + "`");
    assertThatThrownBy(() -> new JinjaTemplate("{% " + block + " %}"))
        .hasMessage("line 1: the block \"%s\" is not known".formatted(block));
  }

  @ParameterizedTest
  @ValueSource(strings = {"pprint", "random", "urlize", "wordwrap"})
  void itsRefusedFiltersAreRefused(String filter) throws IOException {
    assertThat(between("the filters", ".")).contains("`" + filter + "`");
    assertThatThrownBy(() -> new JinjaTemplate("{{ a | " + filter + " }}"))
        .hasMessage("line 1: the filter \"%s\" is not known".formatted(filter));
  }

  private static String between(String start, String end) throws IOException {
    String readme = Files.readString(Path.of("README.md"));
    int from = readme.indexOf(start) + start.length();
    return readme.substring(from, readme.indexOf(end, from));
  }

  private static String withoutBlanks(String text) {
    return text.replaceAll("\\s", "");
  }
}
