package dev.palimpsest.app.trace;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import dev.palimpsest.app.Outcome;
import dev.palimpsest.lab.legibility.CharacterModel;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
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
    assertThat(report.path("shuffled").path("worse").asInt()).isEqualTo(3);
    assertThat(report.path("masked").path("traces").asInt()).isEqualTo(3);
    assertThat(Outcome.of("trace", "legibility", folder.toString()).out())
        .contains("3 traces", "100 %", "shuffled is worse in 3 of 3");
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
      assertThat(report.path("spearman").asDouble()).isBetween(-1.0, 1.0);
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
