package dev.palimpsest.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.sun.net.httpserver.HttpServer;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The comparison as a user starts it, with a server of its own on this machine. */
final class CompareCommandTest {
  private static final String GOOD =
      event("{\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}")
          + event("{\"choices\":[{\"delta\":{\"content\":\"24+7=31. Answer:\"}}]}")
          + ": a comment\n\n"
          + event("{\"choices\":[{\"delta\":{\"content\":\" 22\"}}]}")
          + event("{\"choices\":[],\"usage\":{\"completion_tokens\":9}}")
          + event("[DONE]");

  @Test
  void theBundledPairIsComparedAndWritten(@TempDir Path folder) throws Exception {
    Path out = folder.resolve("new/folder");
    String[] command = {
      "compare", "--limit", "6", "--concurrency", "1,3", "--warm-up", "2", "--out", out.toString()
    };
    Outcome outcome = Outcome.of(command);
    assertThat(outcome.code()).as(outcome.err()).isZero();
    assertThat(outcome.out())
        .contains("abacus-mdm (llada;", "abacus-ar (decode;", "Not in any number: loading");
    JsonNode json = new JsonMapper().readTree(Files.readString(out.resolve("compare.json")));
    assertThat(json.path("warm_up_requests").intValue()).isEqualTo(2);
    assertThat(json.path("measurements").size()).isEqualTo(4);
    for (JsonNode each : json.path("measurements").values()) {
      assertThat(each.path("answers").size()).isEqualTo(6);
      int tokens =
          each.path("answers").values().stream().mapToInt(a -> a.path("tokens").intValue()).sum();
      int forwards =
          each.path("answers").values().stream().mapToInt(a -> a.path("nfe").intValue()).sum();
      assertThat(each.path("tokens_before_eos").intValue()).isEqualTo(tokens).isPositive();
      assertThat(each.path("nfe").intValue()).isEqualTo(forwards);
      assertThat(each.path("tpf").doubleValue())
          .isCloseTo((double) tokens / forwards, within(1e-9));
      assertThat(each.path("tokens_per_second").doubleValue())
          .isCloseTo(tokens / each.path("seconds").doubleValue(), within(1e-6));
      for (JsonNode answer : each.path("answers").values()) {
        double snapshot = answer.path("seconds_to_first_snapshot").doubleValue();
        double committed = answer.path("seconds_to_first_committed").doubleValue();
        assertThat(snapshot).isPositive().isLessThanOrEqualTo(committed);
        assertThat(committed).isLessThanOrEqualTo(answer.path("seconds_to_complete").doubleValue());
      }
    }
    // What is written does not depend on how many are written at once.
    for (int contestant = 0; contestant < 4; contestant += 2) {
      assertThat(answers(json, contestant)).isEqualTo(answers(json, contestant + 1));
    }
    assertPage(Files.readString(out.resolve("compare.html")));
    try (Stream<Path> files = Files.list(out)) {
      assertThat(files).hasSize(2);
    }
  }

  private static List<String> answers(JsonNode json, int measurement) {
    return json.path("measurements").path(measurement).path("answers").values().stream()
        .map(a -> a.path("right") + " " + a.path("tokens") + " " + a.path("nfe"))
        .toList();
  }

  private static void assertPage(String page) throws Exception {
    assertThat(page)
        .contains("prefers-color-scheme:dark")
        .doesNotContain("<script", "src=", "href=");
    Matcher charts = Pattern.compile("<figure>(.*?)</figure>", Pattern.DOTALL).matcher(page);
    int count = 0;
    while (charts.find()) {
      DocumentBuilderFactory.newInstance()
          .newDocumentBuilder()
          .parse(new ByteArrayInputStream(charts.group(1).getBytes(StandardCharsets.UTF_8)));
      assertThat(charts.group(1)).doesNotContain("NaN", "Infinity");
      count++;
    }
    assertThat(count).isEqualTo(6);
  }

  @Test
  void aServerStandsInAsABaseline(@TempDir Path folder) throws IOException {
    AtomicInteger under = new AtomicInteger();
    AtomicInteger most = new AtomicInteger();
    AtomicInteger asked = new AtomicInteger();
    HttpServer server =
        serve(
            body -> {
              JsonNode request = new JsonMapper().readTree(body);
              assertThat(request.path("model").stringValue()).isEqualTo("twin");
              assertThat(request.path("stream").booleanValue()).isTrue();
              assertThat(request.path("max_tokens").intValue()).isEqualTo(48);
              asked.incrementAndGet();
              most.accumulateAndGet(under.incrementAndGet(), Math::max);
              // Three requests at once is what the last measurement is to show.
              for (int wait = 0; wait < 200 && most.get() < 3 && asked.get() > 7; wait++) {
                pause();
              }
              under.decrementAndGet();
              return GOOD;
            });
    try {
      Outcome outcome =
          Outcome.of(
              "compare",
              "--json",
              "--limit",
              "5",
              "--concurrency",
              "1,3",
              "--warm-up",
              "1",
              "--out",
              folder.toString(),
              address(server) + "/v1/,model=twin,max_tokens=48");
      assertThat(outcome.code()).as(outcome.err()).isZero();
      assertThat(asked).hasValue(2 * (1 + 5));
      assertThat(most).hasValue(3);
      JsonNode first = new JsonMapper().readTree(outcome.out()).path("measurements").path(0);
      assertThat(first.path("tokens_before_eos").intValue()).isEqualTo(45);
      assertThat(first.has("nfe")).isFalse();
      assertThat(first.has("seconds_to_first_snapshot_p50")).isFalse();
      assertThat(first.path("seconds_to_first_committed_p50").doubleValue())
          .isLessThanOrEqualTo(first.path("seconds_to_complete_p50").doubleValue());
      assertThat(Files.readString(folder.resolve("compare.html"))).contains("model=twin");
    } finally {
      server.stop(0);
    }
  }

  @ParameterizedTest(name = "{1}")
  @CsvSource(
      delimiter = '|',
      value = {
        "500| |status 500: out of order",
        "200|data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}|ended its stream without [DONE]",
        "200|data: [DONE]|no usage.completion_tokens",
        "200|data: {nonsense|no JSON: {nonsense",
      })
  void aServerThatFailsIsAFailureInOneLine(int status, String line, String complaint)
      throws IOException {
    HttpServer server = serve(status, _ -> line == null ? "out of order" : line + "\n\n");
    try {
      Outcome outcome =
          Outcome.of(
              "compare",
              "--limit",
              "2",
              "--concurrency",
              "1",
              "--warm-up",
              "0",
              address(server) + "/v1,model=twin");
      assertThat(outcome.code()).isEqualTo(1);
      assertThat(outcome.err().lines().filter(each -> each.startsWith("palimpsest:")))
          .singleElement()
          .asString()
          .contains(address(server), complaint);
    } finally {
      server.stop(0);
    }
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      value = {
        "--limit 0|--limit 0 is invalid",
        "--concurrency 4,0|--concurrency 0 is invalid",
        "--warm-up -1|--warm-up -1 is invalid",
        "models/abacus-mdm,threshold|write name=value",
        "http://localhost:1/v1|needs model=NAME",
        "http://localhost:1/v1,model=a,steps=3|no more",
        "http:///v1,model=a|names no host",
        "a a|named twice",
      })
  void aWrongComparisonIsRefusedInOneLine(String arguments, String complaint) {
    Outcome outcome = Outcome.of(("compare " + arguments).split(" ", -1));
    assertThat(outcome.code()).isEqualTo(2);
    assertThat(outcome.err().lines()).hasSize(1);
    assertThat(outcome.err()).contains(complaint);
  }

  @Test
  void aContestantsOptionsAreThoseOfItsSampler() {
    Contestant.Local local =
        (Contestant.Local)
            Contestant.parse("some/model,sampler=dream,alg=entropy,top-p=0.9,steps=12,seed=-3");
    assertThat(local.folder()).isEqualTo(Path.of("some/model"));
    assertThat(local.options())
        .isEqualTo(
            Map.of("sampler", "dream", "alg", "entropy", "top_p", 0.9, "steps", 12, "seed", -3));
    String folder = Main.home().resolve("models/abacus-mdm").toString();
    assertThat(Outcome.of("compare", folder + ",alg=entropy").err())
        .contains("--alg entropy is no option of the sampler llada");
  }

  @Test
  void ratesAreRatiosOfSumsAndPercentilesAreByNearestRank() {
    List<Answer> answers =
        List.of(answer(10, 40, 2), answer(30, 40, 1), answer(20, 10, 4), answer(0, 10, 8));
    Measurement measurement = new Measurement("a", "b", "c", Map.of(), 2, answers, 10);
    assertThat(measurement.tokensPerForward()).hasValue(0.6);
    assertThat(measurement.aggregateTokensPerSecond()).isEqualTo(6);
    assertThat(measurement.toComplete(50)).isEqualTo(2);
    assertThat(measurement.toComplete(95)).isEqualTo(8);
    assertThat(measurement.requestTokensPerSecond(50)).isEqualTo(5);
    assertThat(Measurement.nearestRank(new double[] {1, 2, 3, 4, 5}, 40)).isEqualTo(2);
    assertThat(Measurement.nearestRank(new double[] {7}, 95)).isEqualTo(7);
    assertThatThrownBy(() -> Measurement.nearestRank(new double[0], 50))
        .isInstanceOf(RuntimeException.class);
  }

  private static Answer answer(int tokens, int forwards, double seconds) {
    return new Answer(
        true,
        tokens,
        OptionalInt.of(forwards),
        OptionalDouble.of(seconds / 4),
        seconds / 2,
        seconds);
  }

  private static String event(String data) {
    return "data: " + data + "\n\n";
  }

  private static void pause() {
    try {
      Thread.sleep(5);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Answers a request's body. */
  private interface Reply {
    String to(String body);
  }

  private static HttpServer serve(Reply reply) throws IOException {
    return serve(200, reply);
  }

  private static HttpServer serve(int status, Reply reply) throws IOException {
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
    server.createContext(
        "/v1/chat/completions",
        exchange -> {
          String body =
              new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
          byte[] answer = reply.to(body).getBytes(StandardCharsets.UTF_8);
          exchange.sendResponseHeaders(status, 0);
          try (OutputStream out = exchange.getResponseBody()) {
            out.write(answer);
          }
        });
    server.start();
    return server;
  }

  private static String address(HttpServer server) {
    return "http://127.0.0.1:" + server.getAddress().getPort();
  }
}
