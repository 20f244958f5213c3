package dev.palimpsest.app.trace;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.sun.net.httpserver.HttpServer;
import dev.palimpsest.app.Outcome;
import dev.palimpsest.app.terminal.Cli;
import dev.palimpsest.lab.legibility.CharacterModel;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code trace legibility} on traces of texts. */
final class TraceLegibilityTest {
  private static final List<String> TEXTS =
      List.of("3 + 4 = 7. Answer: 7", "5 + 4 = 9. Answer: 9", "2 + 6 = 8. Answer: 8");

  @TempDir private Path folder;

  @BeforeEach
  void write() throws IOException {
    for (int i = 0; i < TEXTS.size(); i++) {
      String text = TEXTS.get(i);
      Path frames =
          Files.writeString(
              folder.resolve("frames" + i),
              "{\"text\":\"░░░\"}\n{\"text\":\"%s░\"}\n{\"text\":\"%s\"}\n"
                  .formatted(text.substring(0, 8), text));
      Outcome outcome =
          Outcome.of(
              "trace",
              "import",
              frames.toString(),
              "--to",
              folder.resolve(i + ".trace.jsonl").toString());
      assertThat(outcome.code()).as(outcome.err()).isZero();
    }
  }

  @Test
  void everyTraceIsScoredByTheOthers() {
    Outcome outcome = Outcome.of("trace", "legibility", folder.toString(), "--json");
    assertThat(outcome.code()).as(outcome.err()).isZero();
    JsonNode report = new JsonMapper().readTree(outcome.out());
    CharacterModel others = new CharacterModel(TEXTS.subList(1, 3));
    JsonNode nats = report.path("traces").path(0).path("nats");
    assertThat(nats.path(0).isNull()).isTrue();
    assertThat(nats.path(1).asDouble())
        .isEqualTo(others.nats(TEXTS.get(0).substring(0, 8)).orElseThrow());
    assertThat(nats.path(2).asDouble()).isEqualTo(others.nats(TEXTS.get(0)).orElseThrow());
    assertThat(report.path("means").path("nats").path("shuffled").path("worse").asInt())
        .isEqualTo(3);
    assertThat(report.path("means").path("nats").path("masked").path("of").asInt()).isEqualTo(3);
    assertThat(Outcome.of("trace", "legibility", folder.toString()).out())
        .contains("3 traces")
        .containsPattern("shuffled +worse in 3 of 3");
  }

  /** The mean over traces, and half the width of Student's interval for two, three and four. */
  private static double[] mean(List<Double> values) {
    double[] student = {0, 0, 12.706204736, 4.302652730, 3.182446305};
    double sum = 0;
    double squares = 0;
    for (double value : values) {
      sum += value;
      squares += value * value;
    }
    int n = values.size();
    double variance = (squares - sum * sum / n) / (n - 1);
    return new double[] {sum / n, student[n] * Math.sqrt(variance / n)};
  }

  @Test
  void theMeansAreThoseOfTheLastStateOfEveryTenthAndTheTablePrintsThem() throws IOException {
    List<String> steps = List.of("3 + ", "3 + 4 ", "3 + 4 = 7. Ans", "3 + 4 = 7. Answer: 7");
    StringBuilder frames = new StringBuilder();
    for (int step = 0; step < 13; step++) {
      frames.append("{\"text\":\"%s░\"}%n".formatted(steps.get(step * steps.size() / 13)));
    }
    Path file = Files.writeString(folder.resolve("frames"), frames);
    String to = folder.resolve("longer.trace.jsonl").toString();
    assertThat(Outcome.of("trace", "import", file.toString(), "--to", to).code()).isZero();
    Outcome outcome = Outcome.of("trace", "legibility", folder.toString(), "--json");
    JsonNode report = new JsonMapper().readTree(outcome.out());
    String table = Outcome.of("trace", "legibility", folder.toString()).out();
    for (int tenths = 1; tenths <= 10; tenths++) {
      List<Double> values = new ArrayList<>();
      for (JsonNode trace : report.path("traces").values()) {
        JsonNode nats = trace.path("nats");
        int steps10 = 0;
        while (10 * steps10 < tenths * nats.size()) {
          steps10++;
        }
        if (nats.path(steps10 - 1).isNumber()) {
          values.add(nats.path(steps10 - 1).asDouble());
        }
      }
      JsonNode found = report.path("means").path("nats").path("tenths").path(tenths - 1);
      assertThat(found.path("traces").asInt()).isEqualTo(values.size());
      if (values.size() < 2) {
        assertThat(found.path("value").asDouble()).isEqualTo(values.getFirst());
        assertThat(found.has("interval")).isFalse();
        continue;
      }
      double[] expected = mean(values);
      assertThat(found.path("value").asDouble()).isCloseTo(expected[0], within(1e-9));
      assertThat(found.path("interval").path(0).asDouble())
          .isCloseTo(Math.max(0, expected[0] - expected[1]), within(1e-6));
      assertThat(found.path("interval").path(1).asDouble())
          .isCloseTo(expected[0] + expected[1], within(1e-6));
      assertThat(table)
          .containsPattern(
              String.format(Locale.ROOT, "(?m)^ *%d %% +%.3f \\[", 10 * tenths, expected[0]));
    }
  }

  @Test
  void aTwinsSurpriseIsItsExactLikelihoodOfTheStateBehindThePromptACharacter() throws IOException {
    Path traces = Files.createDirectory(folder.resolve("asked"));
    String prompt =
        "Maya has 24 marbles. First she buys 7 more. Then she gives 9 to Omar. How many marbles"
            + " does Maya have now?";
    List<String> texts = List.of("24+7=31. 31-9=22. Answer: 22", "24+7=31. 31-9=25. Answer: 25");
    for (String text : texts) {
      Path frames =
          Files.writeString(
              folder.resolve("frames"),
              "{\"text\":\"░░\"}\n{\"text\":\"%s░░\"}\n{\"text\":\"%s\"}\n"
                  .formatted(text.substring(0, 5), text));
      String to = traces.resolve(texts.indexOf(text) + ".trace.jsonl").toString();
      assertThat(
              Outcome.of("trace", "import", frames.toString(), "--prompt", prompt, "--to", to)
                  .code())
          .isZero();
    }
    String twin = Cli.home().resolve("models/abacus-ar").toString();
    Outcome outcome =
        Outcome.of("trace", "legibility", traces.toString(), "--twin", twin, "--json");
    assertThat(outcome.code()).as(outcome.err()).isZero();
    JsonNode report = new JsonMapper().readTree(outcome.out());
    for (int trace = 0; trace < texts.size(); trace++) {
      JsonNode found = report.path("traces").path(trace).path("twin_nats");
      assertThat(found.size()).isEqualTo(10);
      assertThat(found.path(2).isNull()).isTrue();
      for (int tenth : new int[] {3, 5, 6, 9}) {
        String state = tenth < 6 ? texts.get(trace).substring(0, 5) : texts.get(trace);
        Path row =
            Files.writeString(
                folder.resolve("row.jsonl"),
                "{\"prompt\":\"%s\",\"completion\":\"%s\"}".formatted(prompt, state));
        Outcome scored = Outcome.of("score", row.toString(), "--model", twin);
        double logprob = new JsonMapper().readTree(scored.out()).path("logprob").asDouble();
        assertThat(found.path(tenth).asDouble())
            .isCloseTo(-logprob / state.length(), within(1e-12));
      }
    }
    double right = report.path("traces").path(0).path("twin_nats").path(9).asDouble();
    assertThat(right)
        .isLessThan(report.path("traces").path(1).path("twin_nats").path(9).asDouble());
    assertThat(report.path("means").path("twin_nats").path("shuffled").path("worse").asInt())
        .isEqualTo(2);
    assertThat(Outcome.of("trace", "legibility", folder.toString(), "--twin", twin).err())
        .contains("the trace has none: import it with --prompt");
    String masked = Cli.home().resolve("models/abacus-mdm").toString();
    Outcome refused = Outcome.of("trace", "legibility", traces.toString(), "--twin", masked);
    assertThat(refused.code()).isEqualTo(2);
    assertThat(refused.err()).contains("fills masks: give a model that writes from left to right");
  }

  @ParameterizedTest
  @CsvSource({
    "host/v1, host/v1 is no address: give one as http://host/v1/chat/completions",
    "http://, http:// is no address: give one as http://host/v1/chat/completions",
    "http://host/, needs the model's name: give --endpoint-model",
  })
  void anEndpointThatCannotBeAskedIsRefusedAtOnce(String url, String complaint) {
    Outcome outcome = Outcome.of("trace", "legibility", folder.toString(), "--endpoint", url);
    assertThat(outcome.code()).isEqualTo(2);
    assertThat(outcome.err()).contains(complaint).hasLineCount(1);
  }

  @Test
  void aJudgeIsAskedWithAPromptThatIsNamedByItsChecksum() throws IOException {
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext(
        "/",
        exchange -> {
          String asked =
              new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
          int verdict = TEXTS.stream().anyMatch(asked::contains) ? 4 : asked.contains("+") ? 2 : 0;
          byte[] answer =
              "{\"choices\":[{\"message\":{\"content\":\"%d\"}}]}"
                  .formatted(verdict)
                  .getBytes(StandardCharsets.UTF_8);
          exchange.sendResponseHeaders(200, answer.length);
          exchange.getResponseBody().write(answer);
          exchange.close();
        });
    server.start();
    try {
      String url = "http://127.0.0.1:%d/".formatted(server.getAddress().getPort());
      Outcome outcome =
          Outcome.of(
              "trace",
              "legibility",
              folder.toString(),
              "--endpoint",
              url,
              "--endpoint-model",
              "any",
              "--json");
      assertThat(outcome.code()).as(outcome.err()).isZero();
      JsonNode report = new JsonMapper().readTree(outcome.out());
      assertThat(report.path("judge_prompt_sha256").asString()).hasSize(64);
      JsonNode verdicts = report.path("traces").path(0).path("verdicts");
      assertThat(verdicts.path(0).asInt()).isEqualTo(0);
      assertThat(verdicts.path(5).asInt()).isEqualTo(2);
      assertThat(verdicts.path(9).asInt()).isEqualTo(4);
      assertThat(report.path("traces").path(0).path("verdicts_shuffled").asInt()).isEqualTo(2);
      assertThat(report.path("spearman").path("nats").asDouble()).isBetween(-1.0, 1.0);
      JsonNode judged = report.path("means").path("verdicts");
      assertThat(judged.path("tenths").path(9).path("value").asDouble()).isEqualTo(4);
      assertThat(judged.path("shuffled").path("worse").asInt()).isEqualTo(3);
    } finally {
      server.stop(0);
    }
  }

  @Test
  void oneTraceAloneNeedsACorpus() throws IOException {
    String one = folder.resolve("0.trace.jsonl").toString();
    Outcome refused = Outcome.of("trace", "legibility", one);
    assertThat(refused.code()).isEqualTo(2);
    assertThat(refused.err()).contains("give more of them, or --corpus");
    Path corpus = Files.writeString(folder.resolve("corpus.txt"), TEXTS.get(1));
    assertThat(Outcome.of("trace", "legibility", one, "--corpus", corpus.toString()).code())
        .isZero();
  }
}
