package dev.palimpsest.app.batch;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.app.ChildProcess;
import dev.palimpsest.app.Outcome;
import dev.palimpsest.app.file.DuckDb;
import dev.palimpsest.app.file.TraceFiles;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code batch}: every row has its result, whatever happens. */
final class BatchCommandTest {
  private static final JsonMapper MAPPER = new JsonMapper();
  private static final String OMAR =
      "Omar has 5 beads. First he buys 4 more. How many beads does Omar have now?";
  private static final String NORA =
      "Nora has 30 shells. First she gives 11 to Omar. How many shells does Nora have now?";

  @TempDir private Path folder;
  private Path in;
  private Path out;

  @BeforeEach
  void name() {
    in = folder.resolve("in.jsonl");
    out = folder.resolve("out.jsonl");
  }

  /** Rows that take from 4 to 16 steps. */
  private void writeRows(int rows) throws IOException {
    StringBuilder lines = new StringBuilder();
    for (int row = 0; row < rows; row++) {
      lines.append(
          "{\"id\":\"row-%d\",\"prompt\":\"%s\",\"options\":{\"gen_length\":16,\"steps\":%d}}%n"
              .formatted(row, row % 2 == 0 ? OMAR : NORA, 4 + row * 7 % 13));
    }
    Files.writeString(in, lines);
  }

  private static Outcome batch(Path in, Path out, String... options) {
    return Outcome.of(
        Stream.concat(
                Stream.of("batch", in.toString(), out.toString(), "--no-timings"),
                Arrays.stream(options))
            .toArray(String[]::new));
  }

  private List<JsonNode> results(String... options) throws IOException {
    Outcome outcome = batch(in, out, options);
    assertThat(outcome.code()).as(outcome.err()).isZero();
    return Files.readAllLines(out).stream().map(MAPPER::readTree).toList();
  }

  @Test
  void aTextDoesNotDependOnWhatRunsBesideItNorAnIdOnHowItIsWritten() throws IOException {
    Files.writeString(
        in,
        """
        {"id": "text", "prompt": "%1$s"}

        {"id": 7, "messages": [{"role": "user", "content": "%1$s"}], "chat_template_kwargs": {}}
        {"prompt": "%1$s", "options": {"threshold": 0.9, "seed": 40, "temperature": 0.5}}
        {"prompt": "%1$s", "options": {"sampler": "dream", "alg": "entropy"}}
        {"prompt_ids": [1, 2, 3], "id": null}
        """
            .formatted(OMAR));
    List<JsonNode> together = results("--at-once", "5", "--seed", "100");
    byte[] bytes = Files.readAllBytes(out);
    Files.delete(out);
    Files.delete(ResumeFile.of(out));
    assertThat(results("--at-once", "1", "--seed", "100")).isEqualTo(together);
    assertThat(out).hasBinaryContent(bytes);
    assertThat(together)
        .extracting(each -> each.path("id").stringValue())
        .containsExactly("text", "7", "4", "5", "6");
    assertThat(together)
        .extracting(each -> each.path("seed").longValue())
        .as("the number of the row is added, unless it has its own")
        .containsExactly(100L, 101L, 40L, 103L, 104L);
    for (String name : List.of("text", "tokens", "finish_reason", "nfe", "tpf")) {
      assertThat(together.get(1).path(name)).isEqualTo(together.getFirst().path(name));
    }
    assertThat(together.get(2).path("nfe").intValue())
        .isLessThan(together.getFirst().path("nfe").intValue());
    assertThat(together).allMatch(each -> each.path("error").isNull());
    Outcome alone = Outcome.of("generate", "--json", "--seed", "100", OMAR);
    assertThat(MAPPER.readTree(alone.out()).path("text"))
        .isEqualTo(together.getFirst().path("text"));
  }

  @Test
  void aRowThatIsWrongSaysWhyAndStopsNoOther() throws IOException {
    Files.write(
        in,
        """
        {"id": "good", "prompt": "%1$s"}
        {nonsense
        {"id": "unknown", "prompt": "x", "promt": "y"}
        []
        {"id": "two", "prompt": "x", "prompt_ids": [1]}
        {"id": "none"}
        {"id": "option", "prompt": "x", "options": {"alg": "entropy"}}
        {"id": "value", "prompt": "x", "options": {"gen_length": "many"}}
        {"id": "token", "prompt_ids": [1, 99999]}
        {"id": "float", "prompt_ids": [1.5]}
        {"id": "long", "prompt": "x", "options": {"gen_length": 100000}}
        {"id": "roles", "messages": [{"content": "x"}]}
        {"id": "end", "messages": [{"role": "assistant", "content": "x"}]}
        {"id": "tools", "prompt": "x", "tools": []}
        {"id": [], "prompt": "x"}
        {"id": "bytes", "prompt": "\u00ff"}
        {"id": "good too", "prompt": "%1$s"}"""
            .formatted(OMAR)
            .getBytes(StandardCharsets.ISO_8859_1));
    List<JsonNode> results = results();
    assertThat(results).hasSize(17);
    assertThat(results)
        .extracting(each -> each.path("error").asString(""))
        .satisfiesExactly(
            each -> assertThat(each).isEmpty(),
            each -> assertThat(each).startsWith("the line is not JSON: "),
            each -> assertThat(each).startsWith("promt is no field of a row, which has id, prompt"),
            each -> assertThat(each).isEqualTo("the row is no JSON object"),
            each ->
                assertThat(each)
                    .isEqualTo(
                        "the row has prompt and prompt_ids: give one of prompt, messages and"
                            + " prompt_ids"),
            each -> assertThat(each).startsWith("the row has no prompt: give one of prompt, "),
            each ->
                assertThat(each)
                    .isEqualTo("alg entropy is no option of the sampler llada, but of dream"),
            each -> assertThat(each).startsWith("gen_length many is invalid: "),
            each -> assertThat(each).startsWith("prompt id 99999 at position 1 is no token"),
            each -> assertThat(each).isEqualTo("prompt_ids holds 1.5, which is no id"),
            each -> assertThat(each).contains("gen_length 100000"),
            each -> assertThat(each).startsWith("messages: message 1 is no object with a \"role\""),
            each ->
                assertThat(each).isEqualTo("the conversation ends with the assistant's message"),
            each -> assertThat(each).isEqualTo("tools is for a row with messages"),
            each -> assertThat(each).isEqualTo("id [] is invalid: use a text or a number"),
            each -> assertThat(each).startsWith("the line is not JSON: "),
            each -> assertThat(each).isEmpty());
    assertThat(results.get(1).path("id").stringValue()).isEqualTo("2");
    assertThat(results.get(2).path("id").stringValue()).isEqualTo("unknown");
    assertThat(results.getLast().path("text")).isEqualTo(results.getFirst().path("text"));
    assertThat(batch(in, folder.resolve("again.jsonl")).err())
        .contains("15 of 17 rows have an error; the first is row 2: the line is not JSON");
  }

  @Test
  void everyFormOfInputGivesTheSameResultsAndParquetTheSameColumns()
      throws IOException, SQLException {
    Files.writeString(
        in,
        """
        {"id": "a", "prompt": "%s", "options": {"steps": 12, "gen_length": 24}}
        {"id": "b", "messages": [{"role": "user", "content": "%s"}], "options": {"gen_length": 24}}
        {"id": "c", "prompt_ids": [4, 5, 6], "options": {"temperature": 0.5, "gen_length": 24}}
        {"id": "d", "prompt": "Ω \\"quoted\\",\\nline", "options": {"gen_length": 24}}
        {"id": "e"}
        """
            .formatted(OMAR, NORA));
    List<JsonNode> expected = results();
    byte[] bytes = Files.readAllBytes(out);

    Path csv = folder.resolve("in.csv");
    Files.writeString(
        csv,
        """
        \uFEFFid,prompt,messages,prompt_ids,steps,gen_length,temperature,notes
        a,%s,,,12,24,,x
        b,,"[{""role"": ""user"", ""content"": ""%s""}]",,,24,,
        c,,,"[4, 5, 6]",,24,0.5,
        d,"Ω ""quoted"",
        line",,,,24,,
        e,,,,,,,
        """
            .formatted(OMAR, NORA));
    Path fromCsv = folder.resolve("csv.jsonl");
    Outcome outcome = batch(csv, fromCsv);
    assertThat(outcome.code()).as(outcome.err()).isZero();
    assertThat(outcome.err()).contains(csv + ": columns that are not read: notes");
    assertThat(fromCsv).hasBinaryContent(bytes);

    Path parquet = folder.resolve("in.parquet");
    Path result = folder.resolve("out.parquet");
    try (Connection connection = DuckDb.open();
        Statement statement = connection.createStatement()) {
      statement.execute(
          """
          COPY (SELECT id AS key, prompt AS question, messages, prompt_ids, options.steps AS steps,
              options.gen_length AS gen_length, options.temperature AS temperature
            FROM read_json('%s', format = 'newline_delimited', columns = {
              id: 'VARCHAR', prompt: 'VARCHAR',
              messages: 'STRUCT(role VARCHAR, content VARCHAR)[]', prompt_ids: 'INTEGER[]',
              options: 'STRUCT(steps INTEGER, gen_length BIGINT, temperature DOUBLE)'}))
          TO '%s' (FORMAT parquet)
          """
              .formatted(in, parquet));
      Outcome written = batch(parquet, result, "--id-column", "key", "--prompt-column", "question");
      assertThat(written.code()).as(written.err()).isZero();
      assertThat(folder.resolve("out.parquet.part")).doesNotExist();
      try (ResultSet rows = statement.executeQuery("SELECT * FROM '" + result + "'")) {
        for (JsonNode each : expected) {
          assertThat(rows.next()).isTrue();
          assertThat(rows.getString("id")).isEqualTo(each.path("id").stringValue());
          assertThat(rows.getString("text")).isEqualTo(each.path("text").asString(null));
          assertThat(Arrays.toString((Object[]) rows.getArray("tokens").getArray()))
              .isEqualTo(each.path("tokens").toString().replace(",", ", "));
          assertThat(rows.getString("finish_reason"))
              .isEqualTo(each.path("finish_reason").asString(null));
          assertThat(rows.getInt("nfe")).isEqualTo(each.path("nfe").intValue());
          assertThat(rows.getDouble("tpf")).isEqualTo(each.path("tpf").doubleValue());
          assertThat(rows.getLong("seed")).isEqualTo(each.path("seed").longValue());
        }
        assertThat(rows.next()).isFalse();
      }
    }
    byte[] finished = Files.readAllBytes(result);
    assertThat(batch(parquet, result, "--id-column", "key", "--prompt-column", "question").err())
        .contains("has every result already");
    assertThat(result).hasBinaryContent(finished);
    Path other = Files.writeString(folder.resolve("other.csv"), "a,b\n1,2\n");
    assertThat(batch(other, folder.resolve("no.parquet")).err())
        .contains(
            "other.csv: it has the columns a, b, and none is prompt or messages or prompt_ids");
  }

  @ParameterizedTest
  @EnumSource(Order.class)
  void aRowOfOpenAisFormIsAnsweredInIt(Order order) throws IOException {
    Files.writeString(
        in,
        """
        {"custom_id": "chat", "method": "POST", "url": "/v1/chat/completions", "body": \
        {"model": "any", "messages": [{"role": "user", "content": "%1$s"}], "max_tokens": 24, \
        "seed": 3}}
        {"custom_id": "two", "method": "POST", "url": "/v1/completions", "body": \
        {"prompt": ["%1$s", [4, 5, 6]], "n": 2, "gen_length": 8, "temperature": 1, "echo": true}}
        {"custom_id": "stop", "method": "POST", "url": "/v1/chat/completions", "body": \
        {"messages": [{"role": "user", "content": "%1$s"}], "max_tokens": 24, "stop": ["."]}}
        {"custom_id": "wrong", "method": "POST", "url": "/v1/chat/completions", "body": \
        {"messages": [{"role": "user", "content": "x"}], "temprature": 1}}
        {"custom_id": "option", "method": "POST", "url": "/v1/chat/completions", "body": \
        {"messages": [{"role": "user", "content": "x"}], "max_tokens": 100000}}
        {"custom_id": "url", "method": "POST", "url": "/v1/embeddings", "body": {}}
        {"custom_id": "stream", "url": "/v1/completions", "body": {"prompt": "x", "stream": true}}
        {"id": "own", "prompt": "%1$s", "options": {"gen_length": 24, "seed": 3}}
        """
            .formatted(OMAR));
    String[] options = {"--order", order.name().toLowerCase(Locale.ROOT)};
    Map<String, JsonNode> byId = new HashMap<>();
    for (JsonNode each : results(options)) {
      byId.put(each.path(each.has("custom_id") ? "custom_id" : "id").stringValue(), each);
    }
    byte[] bytes = Files.readAllBytes(out);
    JsonNode own = result(byId, "own");
    JsonNode chat = result(byId, "chat");
    assertThat(chat.propertyNames()).containsExactly("id", "custom_id", "response", "error");
    assertThat(chat.path("id").stringValue()).isEqualTo("batch_req_0");
    assertThat(chat.path("error").isNull()).isTrue();
    assertThat(chat.at("/response/status_code").intValue()).isEqualTo(200);
    assertThat(chat.at("/response/body/object").stringValue()).isEqualTo("chat.completion");
    assertThat(chat.at("/response/body/model").stringValue()).isEqualTo("abacus-mdm");
    JsonNode choice = chat.at("/response/body/choices/0");
    assertThat(choice.at("/message/content")).isEqualTo(own.path("text"));
    assertThat(choice.path("finish_reason")).isEqualTo(own.path("finish_reason"));
    assertThat(chat.at("/response/body/usage/completion_tokens").intValue())
        .isEqualTo(own.path("tokens").size());

    JsonNode two = result(byId, "two").at("/response/body");
    assertThat(two.path("choices").values())
        .extracting(each -> each.path("index").intValue())
        .containsExactly(0, 1, 2, 3);
    assertThat(two.at("/choices/0/text").stringValue()).startsWith(OMAR);
    assertThat(two.at("/choices/2/text").stringValue()).doesNotStartWith(OMAR);

    String whole = choice.at("/message/content").stringValue();
    JsonNode stop = result(byId, "stop").at("/response/body/choices/0");
    assertThat(stop.at("/message/content").stringValue())
        .isEqualTo(whole.substring(0, whole.indexOf('.')));
    assertThat(stop.path("finish_reason").stringValue()).isEqualTo("stop");

    assertThat(result(byId, "wrong").at("/response/status_code").intValue()).isEqualTo(400);
    assertThat(param(byId, "wrong")).isEqualTo("temprature");
    assertThat(param(byId, "option")).isEqualTo("max_tokens");
    assertThat(param(byId, "url")).isEqualTo("url");
    assertThat(param(byId, "stream")).isEqualTo("stream");
    results(options);
    assertThat(out).hasBinaryContent(bytes);
    Path table = folder.resolve("out.parquet");
    assertThat(batch(in, table).err()).contains("OpenAI's batch form is answered in JSONL");
  }

  private static JsonNode result(Map<String, JsonNode> byId, String id) {
    JsonNode found = byId.get(id);
    assertThat(found).as(id).isNotNull();
    return found == null ? MAPPER.nullNode() : found;
  }

  private static String param(Map<String, JsonNode> byId, String id) {
    return result(byId, id).at("/response/body/error/param").stringValue();
  }

  @Test
  void aPipeGivesAndTakesRows() throws IOException {
    writeRows(5);
    results();
    InputStream before = System.in;
    try {
      System.setIn(new ByteArrayInputStream(Files.readAllBytes(in)));
      Outcome piped = Outcome.of("batch", "-", "-", "--no-timings", "--quiet");
      assertThat(piped).isEqualTo(new Outcome(0, Files.readString(out), ""));
    } finally {
      System.setIn(before);
    }
    Outcome again = Outcome.of("batch", "-", out.toString());
    assertThat(again.code()).isEqualTo(1);
    assertThat(again.err()).contains("it holds results already", "use another name");
  }

  @Test
  void inTheOrderOfTheirEndsEveryResultSaysItsRow() throws IOException {
    writeRows(12);
    List<JsonNode> byInput = results("--at-once", "6");
    out = folder.resolve("done.jsonl");
    List<JsonNode> byEnd = results("--at-once", "6", "--order", "done");
    assertThat(byEnd).hasSize(12);
    assertThat(byEnd).extracting(each -> each.path("row").intValue()).isNotEqualTo(sorted(byEnd));
    for (JsonNode each : byEnd) {
      assertThat(each.path("text"))
          .isEqualTo(byInput.get(each.path("row").intValue()).path("text"));
    }
    List<String> lines = Files.readAllLines(out);
    Files.write(out, lines.subList(3, 8));
    assertThat(results("--at-once", "2", "--order", "done"))
        .containsExactlyInAnyOrderElementsOf(byEnd);
  }

  private static List<Integer> sorted(List<JsonNode> results) {
    return results.stream().map(each -> each.path("row").intValue()).sorted().toList();
  }

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = 1)
  void killedAtAnyMomentItGoesOnToTheSameBytes(long seed) throws Exception {
    writeRows(60);
    results();
    byte[] whole = Files.readAllBytes(out);
    Path home = Files.createDirectory(folder.resolve("home"));
    Path killed = home.resolve("out.jsonl");
    List<String> arguments =
        List.of("batch", in.toString(), killed.toString(), "--no-timings", "--at-once", "7");
    Random random = new Random(seed);
    for (int kill = 0; kill < 3; kill++) {
      long before = size(killed);
      Process process = ChildProcess.start(home, arguments);
      try {
        while (size(killed) == before && process.isAlive()) {
          Thread.sleep(1); // it is starting
        }
        process.waitFor(random.nextInt(100), TimeUnit.MILLISECONDS);
      } finally {
        process.destroyForcibly().waitFor();
      }
    }
    Outcome last = batch(in, killed, "--at-once", "7");
    assertThat(last.code()).as(last.err()).isZero();
    assertThat(killed).hasBinaryContent(whole);
  }

  private static long size(Path file) throws IOException {
    return Files.exists(file) ? Files.size(file) : 0;
  }

  @Test
  void whoeverIsToldToEndKeepsWhatIsFinishedAndSaysHowToGoOn() throws Exception {
    writeRows(400);
    Path home = Files.createDirectory(folder.resolve("home"));
    Path told = home.resolve("out.jsonl");
    Process process =
        ChildProcess.start(
            home, List.of("batch", in.toString(), told.toString(), "--at-once", "4", "--json"));
    try {
      while (size(told) == 0 && process.isAlive()) {
        Thread.sleep(5);
      }
      process.destroy();
      process.waitFor();
    } finally {
      process.destroyForcibly();
    }
    String said = Files.readString(home.resolve("err"));
    assertThat(process.exitValue()).as(said).isEqualTo(143);
    int kept = Files.readAllLines(told).size();
    assertThat(Files.readString(told)).endsWith("}\n");
    JsonNode summary = MAPPER.readTree(Files.readString(home.resolve("out")));
    assertThat(summary.path("rows").intValue()).isGreaterThanOrEqualTo(kept).isLessThan(400);
    assertThat(said)
        .contains(
            "interrupted; %d rows are finished and kept, and the same command goes on"
                .formatted(summary.path("rows").intValue()));
  }

  @Test
  void everyRowHasATraceWhoseIdIsTheRows() throws IOException {
    writeRows(3);
    Path traces = folder.resolve("traces");
    results("--trace-dir", traces.toString());
    List<Path> files = TraceFiles.among(List.of(traces));
    assertThat(files)
        .extracting(file -> file.getFileName().toString())
        .containsExactly("row-0.trace.jsonl", "row-1.trace.jsonl", "row-2.trace.jsonl");
    for (Path file : files) {
      assertThat(Outcome.of("trace", "check", file.toString()).code()).isZero();
    }
  }

  @Test
  void theSummaryCountsWhatWasWritten() throws IOException {
    writeRows(6);
    Files.writeString(in, Files.readString(in) + "{}\n");
    Outcome outcome = batch(in, out, "--json");
    JsonNode summary = MAPPER.readTree(outcome.out());
    List<JsonNode> results = Files.readAllLines(out).stream().map(MAPPER::readTree).toList();
    assertThat(summary.path("rows").intValue()).isEqualTo(7);
    assertThat(summary.path("errors").intValue()).isEqualTo(1);
    assertThat(summary.path("tokens").intValue())
        .isEqualTo(results.stream().mapToInt(each -> each.path("tokens").size()).sum());
    assertThat(summary.path("nfe").intValue())
        .isEqualTo(results.stream().mapToInt(each -> each.path("nfe").intValue()).sum());
    assertThat(summary.path("tpf").doubleValue())
        .isEqualTo(summary.path("tokens").doubleValue() / summary.path("nfe").doubleValue());
    assertThat(MAPPER.readTree(batch(in, out, "--json").out()).path("rows_before").intValue())
        .isEqualTo(7);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "batch in.txt out.jsonl | 2 | IN in.txt has an unknown kind: use .jsonl, .ndjson, .csv",
        "batch in.jsonl out.csv | 2 | OUT out.csv has an unknown kind: use .jsonl, .parquet or -",
        "batch no.jsonl out.jsonl | 1 | no.jsonl: there is no such file of rows",
        "batch - - --json | 2 | --json prints on standard output, which has the results",
        "batch - - --at-once 0 | 2 | --at-once 0 is invalid: use 1 or above, or auto",
        "batch - - --batch-tokens 0 | 2 | --batch-tokens 0 is invalid: use 1 or above",
        "batch - - --order random | 2 | --order random is unknown: use input or done",
        "batch - - --gen-length 0 | 2 | --gen-length 0",
      })
  void whatIsWrongIsSaidInASentence(String typed, int code, String said) {
    Outcome outcome = Outcome.of(typed.split(" ", -1));
    assertThat(outcome.err()).startsWith("palimpsest: ").contains(said).hasLineCount(1);
    assertThat(outcome.code()).isEqualTo(code);
  }

  @Test
  void noFileThatIsReadIsWrittenOver() throws IOException {
    writeRows(1);
    byte[] before = Files.readAllBytes(in);
    Outcome outcome = batch(in, in);
    assertThat(outcome.code()).isEqualTo(2);
    assertThat(outcome.err()).contains("OUT " + in, "use another name");
    assertThat(in).hasBinaryContent(before);
    Path foreign = Files.writeString(out, "{\"mine\":1}\n");
    assertThat(batch(in, foreign).err()).contains("no out.jsonl.resume says what it holds");
    assertThat(foreign).hasContent("{\"mine\":1}\n");
  }
}
