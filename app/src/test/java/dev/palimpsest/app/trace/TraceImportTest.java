package dev.palimpsest.app.trace;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.app.Outcome;
import dev.palimpsest.app.terminal.Cli;
import dev.palimpsest.sampler.trace.TextTrace;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code trace import}, and what the other commands make of a trace of texts. */
final class TraceImportTest {
  private static final String MERCURY =
      """
      : a comment
      data: {"model":"mercury-2","choices":[{"delta":{"role":"assistant","content":""}}]}

      data: {"choices":[{"delta":{"content":"3 [M] 4\\nAnswer: [M]"}}]}

      data: {"choices":[{"delta":{"content":"3 + 4\\nAnswer: 8"}}]}

      data: {"choices":[{"delta":{"content":"3 + 4\\nAnswer: 7"},"finish_reason":"stop"}]}

      data: {"choices":[],"usage":{"total_tokens":9}}

      data: [DONE]
      """;

  @TempDir private Path folder;

  private static Outcome run(Object... arguments) {
    return Outcome.of(Arrays.stream(arguments).map(String::valueOf).toArray(String[]::new));
  }

  private Path frames(String text) throws IOException {
    return Files.writeString(folder.resolve("frames.jsonl"), text);
  }

  private TextTrace imported(String text, Object... options) throws IOException {
    Path target = folder.resolve("imported.trace.jsonl");
    Outcome outcome =
        run(joined(List.of("trace", "import", frames(text), "--to", target), options));
    assertThat(outcome.err()).isEmpty();
    assertThat(outcome.code()).isZero();
    return TextTrace.readWhole(target);
  }

  @Test
  void everyChunkOfMercurysStreamIsTheWholeText() throws IOException {
    TextTrace trace = imported(MERCURY, "--mask", "[M]", "--prompt", "What is 3 + 4?");
    assertThat(trace.source().format()).isEqualTo("mercury");
    assertThat(trace.source().model()).hasValue("mercury-2");
    assertThat(trace.source().prompt()).hasValue("What is 3 + 4?");
    assertThat(trace.frames())
        .containsExactly("3 ░ 4\nAnswer: ░", "3 + 4\nAnswer: 8", "3 + 4\nAnswer: 7");
  }

  @Test
  void unslothsFramesFollowWhatIsFinished() throws IOException {
    TextTrace trace =
        imported(
            """
            data: {"type":"diffusion_frame","block":0,"step":1,"total":2,"text":"xq"}
            data: {"type":"diffusion_frame","block":0,"step":2,"total":2,"text":"3 +"}
            data: {"choices":[{"delta":{"content":"3 +"}}]}
            data: {"type":"tool_status","content":"none"}
            data: {"type":"diffusion_frame","block":1,"step":1,"total":1,"text":" 4<end>"}
            data: {"choices":[{"delta":{"content":" 4"}}]}
            """);
    assertThat(trace.source().format()).isEqualTo("unsloth");
    assertThat(trace.frames()).containsExactly("xq", "3 +", "3 + 4<end>", "3 + 4");
  }

  @Test
  void draftsFollowWhatWasPut() throws IOException {
    TextTrace trace =
        imported(
            """
            {"draft":"xq"}
            {"draft":"3 +"}
            {"put":"3 "}
            {"put":"+"}
            {"draft":" 4"}
            {"put":" 4"}
            """,
            "--model",
            "other");
    assertThat(trace.source().format()).isEqualTo("drafts");
    assertThat(trace.source().model()).hasValue("other");
    assertThat(trace.frames()).containsExactly("xq", "3 +", "3 + 4");
  }

  /** {@code tests/oracle/drafts.py} let transformers generate with the streamer of the page. */
  @Test
  void whatTransformersDraftsBecomesATraceThatEndsWithItsText() throws IOException {
    Path resources = Cli.home().resolve("tests/src/test/resources");
    String recorded = Files.readString(resources.resolve("drafts.jsonl"));
    TextTrace trace = imported(recorded);
    assertThat(trace.source().format()).isEqualTo("drafts");
    assertThat(trace.frames().getLast())
        .isEqualTo(Files.readString(resources.resolve("drafts.txt")));
    String finished = "";
    List<String> expected = new ArrayList<>();
    for (String line : recorded.split("\n", -1)) {
      if (line.startsWith("{\"draft\": \"")) {
        expected.add(finished + line.substring(11, line.length() - 2));
      } else if (!line.isEmpty()) {
        finished += line.substring(9, line.length() - 2);
      }
    }
    assertThat(expected).hasSizeGreaterThan(40);
    assertThat(trace.frames()).isEqualTo(expected);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{\"text\":1}|line 1: \"text\" is 1, and a text is needed.",
        "{\"words\":\"a\"}|line 1: it has none of \"text\", \"draft\", \"put\", \"choices\"",
        "{\"text\":|line 1 is not JSON.",
        "{\"error\":{\"message\":\"overloaded\"}}|line 1: the stream failed there: overloaded.",
        "data: [DONE]|no line holds a text",
      })
  void aLineThatIsNotUnderstoodIsNamedAndNothingIsWritten(String line, String message)
      throws IOException {
    Path target = folder.resolve("none.trace.jsonl");
    Outcome outcome = run("trace", "import", frames(line + "\n"), "--to", target);
    assertThat(outcome.code()).isEqualTo(Cli.FAILURE);
    assertThat(outcome.err()).contains(message);
    assertThat(target).doesNotExist();
  }

  @Test
  void whatNeedsNoTokensIsMeasuredAndTheRestIsNamed() throws IOException {
    imported(MERCURY, "--mask", "[M]");
    Path trace = folder.resolve("imported.trace.jsonl");
    Outcome check = run("trace", "check", trace);
    assertThat(check.out()).contains("ok, 5 records, 3 frames");
    Outcome show = run("trace", "show", trace);
    assertThat(show.out()).contains("mercury-2", "Answer: 8").doesNotContain("left text");
    Outcome stats = run("trace", "stats", trace, "--expect", "7");
    assertThat(stats.out()).containsPattern("first_right +2\\.0000").contains("answer_flips");
    assertThat(stats.err())
        .contains("1 of 1 traces have texts and no tokens: they have no ntp_set, ntp_ord, fms,");
    for (String command : List.of("view", "replay", "branch")) {
      Outcome refused = run(command, trace);
      assertThat(refused.code()).as(command).isNotZero();
    }
    assertThat(run("view", trace).err()).contains("has no tokens");
    Outcome slot = run("trace", "stats", trace, "--answer-at", "2-3");
    assertThat(slot.code()).isEqualTo(2);
    assertThat(slot.err()).contains("--answer-at names positions");
    Outcome difference = run("trace", "show", trace, "--diff", "1");
    assertThat(difference.err()).contains("--diff compares positions");
    Outcome far = run("trace", "show", trace, "--step", "3");
    assertThat(far.err()).contains("step 3 is not in the trace: use 0 to 2.");
  }

  private static Object[] joined(List<?> first, Object... rest) {
    List<Object> all = new ArrayList<>(first);
    all.addAll(List.of(rest));
    return all.toArray();
  }
}
