package dev.palimpsest.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.palimpsest.app.terminal.Cli;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code docs/python.md} shows runs, if {@link Python} has pandas and pyarrow. */
final class PythonDocumentTest {
  /** The tables are the same, and the outcomes those of as many problems. */
  private static final String CHECKS =
      """

      assert list(same.columns) == list(measures.columns)
      pd.testing.assert_frame_equal(same, measures, check_dtype=False)
      assert list(outcomes.index) == [str(1 + i) for i in range(6)], outcomes.index
      assert (measures["nfe"].sort_index() == outcomes["nfe"].sort_index()).all()
      assert (measures["right"].sort_index() == outcomes["right"].sort_index()).all()
      print("checked")
      """;

  @TempDir private Path folder;

  @Test
  void theCommandsAndTheLinesOfTheDocumentRun() throws Exception {
    assumeTrue(
        python("import pandas, pyarrow\nprint('ready')").endsWith("ready\n"),
        "no python3 with pandas and pyarrow here");
    String document = Files.readString(Cli.home().resolve("docs").resolve("python.md"));
    Pattern command = Pattern.compile("^\\./palimpsest (.*)$", Pattern.MULTILINE);
    for (MatchResult line : command.matcher(document).results().toList()) {
      String here =
          line.group(1)
              .replace("--limit 100", "--limit 6")
              .replaceAll("(outcomes\\.|measures\\.|traces)", folder + "/$1");
      Outcome outcome = Outcome.of(here.split(" ", -1));
      assertThat(outcome.code()).as(outcome.err()).isZero();
    }
    String code =
        Pattern.compile("```python\n(.*?)```", Pattern.DOTALL)
            .matcher(document)
            .results()
            .map(each -> each.group(1))
            .collect(Collectors.joining("\n"));
    assertThat(python(code + CHECKS)).contains("pair_concord", "tpf").endsWith("checked\n");
  }

  private String python(String code) throws IOException, InterruptedException {
    Path script = Files.writeString(folder.resolve("script.py"), code);
    return Python.run(folder, script.toString());
  }
}
