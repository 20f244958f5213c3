package dev.palimpsest.app.batch;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.api.Completion;
import dev.palimpsest.app.Outcome;
import dev.palimpsest.app.terminal.Cli;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** What docs/batch.md says of rows, results and options. */
final class BatchPageTest {
  private static final Pattern CODE = Pattern.compile("`([^`]+)`");

  private String page = "";

  @BeforeEach
  void read() throws IOException {
    page = Files.readString(Cli.home().resolve("docs").resolve("batch.md"));
  }

  /** The names in the first cells of the table under a heading. */
  private List<String> names(String heading) {
    String section = page.substring(page.indexOf("## " + heading));
    String table = section.substring(section.indexOf("|---|"));
    List<String> names = new ArrayList<>();
    table
        .lines()
        .skip(1)
        .takeWhile(line -> line.startsWith("|"))
        .forEach(
            line -> {
              Matcher name = CODE.matcher(line.substring(0, line.indexOf('|', 1)));
              while (name.find()) {
                names.add(name.group(1));
              }
            });
    return names;
  }

  @Test
  void itsTablesNameEveryFieldAndEveryColumn() {
    List<String> fields = new ArrayList<>(new RowForm("id", "prompt").fields());
    fields.removeAll(List.of(RowForm.TOOLS, RowForm.VARIABLES));
    assertThat(names("Rows")).containsExactlyInAnyOrderElementsOf(fields);
    assertThat(page).contains("`" + RowForm.TOOLS + "`", "`" + RowForm.VARIABLES + "`");
    assertThat(names("Results"))
        .containsExactlyElementsOf(Completion.failed("", 0, "").columns(true).keySet());
  }

  @Test
  void everyOptionThatItNamesIsOne() {
    String help = Outcome.of("batch", "--help").out();
    Matcher option = Pattern.compile("`(--[a-z-]+)").matcher(page);
    int found = 0;
    while (option.find()) {
      String name = option.group(1);
      assertThat(help).contains(name.equals("--no-timings") ? "--[no-]timings" : name);
      found++;
    }
    assertThat(found).isPositive();
  }

  @Test
  void theRowsThatItShowsAreRows() {
    List<String> options = new ArrayList<>();
    Matcher shown = Pattern.compile("`(\\{\"sampler\"[^`]*)`").matcher(page);
    while (shown.find()) {
      options.add(shown.group(1));
    }
    assertThat(options).isNotEmpty();
    for (String each : options) {
      JsonNode row = new JsonMapper().readTree("{\"prompt\":\"x\",\"options\":" + each + "}");
      assertThat(new RowForm("id", "prompt").read(0, "1", row)).isInstanceOf(Row.Asked.class);
    }
    assertThat(page).contains("`" + ResumeFile.of(Path.of("OUT")) + "`");
  }
}
