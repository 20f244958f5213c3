package dev.palimpsest.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.sun.net.httpserver.HttpExchange;
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
import java.util.OptionalLong;
import java.util.concurrent.CountDownLatch;
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
    assertThat(json.path("failures").size()).isZero();
    assertThat(json.path("models").path("abacus-ar").stringValue()).hasSize(64);
    for (JsonNode each : json.path("measurements").values()) {
      assertThat(each.path("answers").size()).isEqualTo(6);
      assertThat(each.path("prompt_tokens").intValue()).isGreaterThan(6);
      for (String time : List.of("to_first_committed", "to_complete", "between_steps")) {
        double p50 = each.path("seconds_" + time + "_p50").doubleValue();
        double p99 = each.path("seconds_" + time + "_p99").doubleValue();
        assertThat(each.path("seconds_" + time + "_p95").doubleValue()).isBetween(p50, p99);
        assertThat(p50).isPositive();
      }
      if (Files.isReadable(Path.of("/proc/self/status"))) {
        assertThat(each.path("peak_resident_bytes").longValue()).isGreaterThan(10_000_000);
      }
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

  @Test
  void aKeyGoesToTheServerAndNowhereElse(@TempDir Path folder) throws IOException {
    String key = System.getenv("PATH");
    AtomicInteger wrong = new AtomicInteger();
    HttpServer server =
        serveExchanges(
            200,
            exchange -> {
              String sent = exchange.getRequestHeaders().getFirst("Authorization");
              wrong.addAndGet(("Bearer " + key).equals(sent) ? 0 : 1);
              return GOOD;
            });
    // Says the key back, as some servers do with one that is wrong.
    HttpServer echo =
        serveExchanges(
            500, exchange -> "no " + exchange.getRequestHeaders().getFirst("Authorization"));
    try {
      Outcome outcome =
          Outcome.of(
              "compare",
              "--limit",
              "1",
              "--concurrency",
              "1",
              "--warm-up",
              "0",
              "--out",
              folder.toString(),
              address(server) + "/v1,model=twin,api_key_env=PATH",
              address(echo) + "/v1,model=twin,api_key_env=PATH");
      assertThat(outcome.code()).isEqualTo(1);
      assertThat(wrong).hasValue(0);
      assertThat(outcome.err()).contains("status 500: no Bearer [key]").doesNotContain(key);
      assertThat(outcome.out()).doesNotContain(key);
      for (String name : List.of("compare.json", "compare.html")) {
        assertThat(Files.readString(folder.resolve(name)))
            .contains("api_key_env=PATH")
            .doesNotContain(key);
      }
    } finally {
      server.stop(0);
      echo.stop(0);
    }
  }

  @Test
  void aServerThatWantsAKeyIsRefusedBeforeAnythingIsMeasured(@TempDir Path folder)
      throws IOException {
    HttpServer server = serve(_ -> GOOD);
    server.createContext(
        "/v1/models",
        exchange -> {
          exchange.sendResponseHeaders(401, -1);
          exchange.close();
        });
    try {
      Outcome outcome =
          Outcome.of(
              "compare",
              "--out",
              folder.toString(),
              Main.home().resolve("models/abacus-ar").toString(),
              address(server) + "/v1,model=twin");
      assertThat(outcome.code()).isEqualTo(1);
      assertThat(outcome.out()).isEmpty();
      assertThat(outcome.err().lines())
          .singleElement()
          .asString()
          .contains(address(server), "wants a key (status 401)", "api_key_env=NAME");
      try (Stream<Path> files = Files.list(folder)) {
        assertThat(files).isEmpty();
      }
    } finally {
      server.stop(0);
    }
  }

  @Test
  void everyContestantIsCheckedBeforeTheFirstIsMeasured(@TempDir Path folder) throws IOException {
    AtomicInteger asked = new AtomicInteger();
    HttpServer server =
        serve(
            _ -> {
              asked.incrementAndGet();
              return GOOD;
            });
    HttpServer gone = serve(_ -> GOOD);
    String refusing = address(gone) + "/v1,model=twin";
    gone.stop(0);
    Path weightless = Files.createDirectory(folder.resolve("weightless"));
    Path model = Main.home().resolve("models/abacus-mdm");
    Files.copy(model.resolve("config.json"), weightless.resolve("config.json"));
    Map<String, String> complaints =
        Map.of(
            "no/such/model",
            "there is no such folder",
            weightless.toString(),
            "the folder has no weights",
            model + ",sampler=decode",
            "the model's attention goes both ways",
            model + ",steps=0",
            "--steps 0",
            refusing,
            "accepts no connection: start its server first");
    try {
      complaints.forEach(
          (last, complaint) -> {
            Outcome outcome =
                Outcome.of("compare", "--limit", "1", address(server) + "/v1,model=a", last);
            assertThat(outcome.code()).as(last).isNotZero();
            assertThat(outcome.err().lines()).singleElement().asString().contains(complaint);
          });
      assertThat(asked).hasValue(0);
    } finally {
      server.stop(0);
    }
  }

  @Test
  void aServerThatBreaksOrStallsLosesItsOwnRowsOnly(@TempDir Path folder) throws Exception {
    AtomicInteger asked = new AtomicInteger();
    HttpServer breaking = serve(_ -> asked.incrementAndGet() <= 4 ? GOOD : "data: {oops\n\n");
    CountDownLatch over = new CountDownLatch(1);
    HttpServer stalling =
        serve(
            _ -> {
              try {
                over.await();
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
              return GOOD;
            });
    try {
      Outcome outcome =
          Outcome.of(
              "compare",
              "--limit",
              "4",
              "--concurrency",
              "1,2,3",
              "--warm-up",
              "0",
              "--out",
              folder.toString(),
              address(stalling) + "/v1,model=slow,timeout=1",
              address(breaking) + "/v1,model=twin",
              Main.home().resolve("models/abacus-ar").toString());
      assertThat(outcome.code()).isEqualTo(1);
      assertThat(outcome.err().lines().filter(line -> line.startsWith("palimpsest:")))
          .hasSize(3)
          .anySatisfy(
              line ->
                  assertThat(line)
                      .contains(
                          "model=slow,timeout=1, 1 at once:", "within 1 s", "timeout=SECONDS"))
          .anySatisfy(line -> assertThat(line).contains("model=twin, 2 at once:", "{oops"));
      JsonNode json = new JsonMapper().readTree(Files.readString(folder.resolve("compare.json")));
      assertThat(json.path("measurements").size()).isEqualTo(1 + 3);
      assertThat(json.path("failures").size()).isEqualTo(2);
      String page = Files.readString(folder.resolve("compare.html"));
      assertPage(page);
      assertThat(page).contains("Not measured:", "within 1 s");
    } finally {
      over.countDown();
      stalling.stop(0);
      breaking.stop(0);
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
        "http://localhost:1/v1,model=a,timeout=0|timeout=SECONDS",
        "http://localhost:1/v1,model=a,api_key_env=NO_SUCH_VARIABLE|NO_SUCH_VARIABLE",
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
    Measurement measurement =
        new Measurement("a", "b", "c", Map.of(), 2, answers, 10, OptionalLong.empty());
    assertThat(measurement.tokensPerForward()).hasValue(0.6);
    assertThat(measurement.aggregateTokensPerSecond()).isEqualTo(6);
    assertThat(measurement.toComplete(50)).isEqualTo(2);
    assertThat(measurement.toComplete(95)).isEqualTo(8);
    assertThat(measurement.requestTokensPerSecond(50)).isEqualTo(5);
    assertThat(measurement.promptTokens()).hasValue(12);
    assertThat(measurement.betweenSteps(50)).hasValue(1);
    assertThat(measurement.betweenSteps(99)).hasValue(4);
    assertThat(Measurement.nearestRank(new double[] {1, 2, 3, 4, 5}, 40)).isEqualTo(2);
    assertThat(Measurement.nearestRank(new double[] {7}, 95)).isEqualTo(7);
    assertThatThrownBy(() -> Measurement.nearestRank(new double[0], 50))
        .isInstanceOf(RuntimeException.class);
  }

  private static Answer answer(int tokens, int forwards, double seconds) {
    return new Answer(
        true,
        OptionalInt.of(3),
        tokens,
        OptionalInt.of(forwards),
        OptionalDouble.of(seconds / 4),
        seconds / 2,
        new double[] {seconds / 2},
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

  /** Answers a request. */
  private interface Exchange {
    String to(HttpExchange exchange) throws IOException;
  }

  private static HttpServer serve(Reply reply) throws IOException {
    return serve(200, reply);
  }

  private static HttpServer serve(int status, Reply reply) throws IOException {
    return serveExchanges(
        status,
        exchange ->
            reply.to(new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8)));
  }

  private static HttpServer serveExchanges(int status, Exchange reply) throws IOException {
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
    server.createContext(
        "/v1/chat/completions",
        exchange -> {
          byte[] answer = reply.to(exchange).getBytes(StandardCharsets.UTF_8);
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
