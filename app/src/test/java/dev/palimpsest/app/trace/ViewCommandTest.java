package dev.palimpsest.app.trace;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.app.Outcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The command, without a browser. */
final class ViewCommandTest {
  @TempDir private Path folder;

  @Test
  void aTraceOf256PositionsAnd256StepsWithItsPredictionsFitsFiveMegabytes() throws IOException {
    Path trace = folder.resolve("large.trace.jsonl.zst");
    FakeTraces.write(trace, 256, 256, 3, true);
    Outcome outcome = run("view", trace.toString());
    assertThat(outcome.code()).isZero();
    Path page = Path.of(outcome.out().strip());
    assertThat(page).isEqualTo(Path.of(trace + ".html"));
    assertThat(Files.size(page)).isBetween(500_000L, 5_000_000L);
  }

  @Test
  void noTextOfATraceCanEndTheScript() throws IOException {
    Path trace = folder.resolve("a.trace.jsonl");
    FakeTraces.write(trace, 24, 12, 1, true);
    run("view", trace.toString(), "--to", folder.resolve("a.html").toString());
    String page = Files.readString(folder.resolve("a.html"));
    assertThat(page.split("</script>", -1)).hasSize(3);
    assertThat(page)
        .doesNotContain("@TRACES@", "@GRADES@", "https://", "document.title='harmed'</");
    assertThat(page.replace("http://www.w3.org/2000/svg", "")).doesNotContain("http://");
  }

  @Test
  void aPageThatCannotBeWrittenIsNamedInOneLine() {
    Path trace = folder.resolve("b.trace.jsonl");
    FakeTraces.write(trace, 24, 12, 1, true);
    Path page = folder.resolve("missing").resolve("b.html");
    Outcome outcome = run("view", trace.toString(), "--to", page.toString());
    assertThat(outcome.code()).isEqualTo(1);
    assertThat(outcome.err().lines()).hasSize(1);
    assertThat(outcome.err()).contains(page.toString(), "no folder").doesNotContain("unexpected");
  }

  @Test
  void aPatternWithoutAGroupIsRefused() {
    Outcome outcome = run("view", "a.trace.jsonl", "--answer-pattern", "Answer");
    assertThat(outcome.code()).isEqualTo(2);
    assertThat(outcome.err()).contains("--answer-pattern Answer has 0 groups: use exactly one");
  }

  @Test
  void aPageNeverReplacesATraceItShows() throws IOException {
    Path trace = folder.resolve("c.trace.jsonl");
    FakeTraces.write(trace, 24, 12, 1, true);
    byte[] before = Files.readAllBytes(trace);
    Path link = Files.createSymbolicLink(folder.resolve("link.trace.jsonl"), trace);
    Path hardLink = Files.createLink(folder.resolve("hard.html"), trace);
    for (Path page : new Path[] {trace, folder.resolve("./c.trace.jsonl"), link, hardLink}) {
      Outcome outcome = run("view", trace.toString(), "--to", page.toString());
      assertThat(outcome.code()).isEqualTo(2);
      assertThat(outcome.err()).contains("--to " + page, trace.toString(), "use another name");
      assertThat(trace).hasBinaryContent(before);
    }
  }

  private static Outcome run(String... arguments) {
    return Outcome.of(arguments);
  }
}
