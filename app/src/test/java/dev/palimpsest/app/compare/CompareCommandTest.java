package dev.palimpsest.app.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.palimpsest.app.Browser;
import dev.palimpsest.app.Outcome;
import dev.palimpsest.app.Python;
import dev.palimpsest.app.terminal.Cli;
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
import org.junit.jupiter.params.provider.ValueSource;
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
      "compare",
      "--limit",
      "6",
      "--concurrency",
      "1,3,32",
      "--warm-up",
      "2",
      "--rounds",
      "2",
      "--out",
      out.toString()
    };
    Outcome outcome = Outcome.of(command);
    assertThat(outcome.code()).as(outcome.err()).isZero();
    assertThat(outcome.out())
        .contains("abacus-mdm\n  llada;", "abacus-ar\n  decode;", "control: abacus-mdm\n")
        .contains("control over first contestant, 1 at once:", "Not in any number: loading");
    assertThat(outcome.out().lines()).allMatch(line -> line.length() <= 80);
    assertThat(outcome.err())
        .contains("--concurrency 32: there are 6 problems, so no more run at once");
    JsonNode json = new JsonMapper().readTree(Files.readString(out.resolve("compare.json")));
    assertThat(json.path("setup").path("warm_up_requests").intValue()).isEqualTo(2);
    assertThat(json.path("measurements").size()).isEqualTo(9);
    assertThat(json.path("control").size()).isEqualTo(3);
    assertThat(json.path("failures").size()).isZero();
    assertThat(json.path("setup").path("models").path("abacus-ar").stringValue()).hasSize(64);
    for (JsonNode each : json.path("measurements").values()) {
      assertThat(each.path("concurrency").intValue()).isIn(1, 3, 6);
      assertThat(each.path("warm_up_tokens_per_second").size()).isBetween(3, 10);
      assertThat(each.path("rounds").size()).isEqualTo(2);
      assertMeasurement(each);
    }
    // What is written does not depend on how many are written at once, nor on the round.
    for (int contestant = 0; contestant < 9; contestant += 3) {
      for (int other = 0; other < 3; other++) {
        for (int round = 0; round < 2; round++) {
          assertThat(answers(json, contestant + other, round))
              .isEqualTo(answers(json, contestant, 0));
        }
      }
    }
    assertThat(answers(json, 6, 0)).isEqualTo(answers(json, 0, 0));
    assertPage(Files.readString(out.resolve("compare.html")));
    DocumentBuilderFactory.newInstance()
        .newDocumentBuilder()
        .parse(out.resolve("compare.svg").toFile());
    try (Stream<Path> files = Files.list(out)) {
      assertThat(files).hasSize(3);
    }
  }

  private static void assertMeasurement(JsonNode row) {
    assertThat(row.path("problems").intValue()).isEqualTo(6);
    assertThat(row.path("prompt_tokens").intValue()).isGreaterThan(6);
    for (String time : List.of("to_first_text_token", "to_complete", "between_steps")) {
      double p50 = row.path("seconds_" + time + "_p50").doubleValue();
      double p99 = row.path("seconds_" + time + "_p99").doubleValue();
      assertThat(row.path("seconds_" + time + "_p95").doubleValue()).isBetween(p50, p99);
      assertThat(p50).isPositive();
    }
    boolean caches = row.path("sampler").stringValue().equals("decode");
    // The bundled models have 0.9 million weights in bf16.
    assertThat(row.path("memory").path("weight_bytes").longValue())
        .isBetween(1_700_000L, 1_900_000L);
    assertThat(row.path("memory").path("kept_bytes").longValue() > 0).isEqualTo(caches);
    assertThat(row.path("memory").path("step_bytes").longValue()).isPositive();
    int tokens = 0;
    int forwards = 0;
    double seconds = 0;
    double most = 0;
    for (JsonNode round : row.path("rounds").values()) {
      int written = 0;
      forwards = 0;
      for (JsonNode answer : round.path("answers").values()) {
        written += answer.path("text_tokens").intValue();
        forwards += answer.path("nfe").intValue();
        assertThat(answer.path("idle_steps").intValue()).isZero();
        double snapshot = answer.path("seconds_to_first_snapshot").doubleValue();
        double token = answer.path("seconds_to_first_text_token").doubleValue();
        assertThat(snapshot).isPositive().isLessThanOrEqualTo(token);
        assertThat(token).isLessThanOrEqualTo(answer.path("seconds_to_complete").doubleValue());
      }
      assertThat(row.path("text_tokens").intValue()).isEqualTo(written).isPositive();
      assertThat(row.path("nfe").intValue()).isEqualTo(forwards);
      tokens += written;
      seconds += round.path("seconds").doubleValue();
      most = Math.max(most, written / round.path("seconds").doubleValue());
    }
    assertThat(row.path("tpf").doubleValue())
        .isCloseTo(row.path("text_tokens").intValue() / (double) forwards, within(1e-9));
    assertThat(row.path("tokens_per_second").doubleValue())
        .isCloseTo(tokens / seconds, within(1e-6));
    assertThat(row.path("tokens_per_second_max").doubleValue()).isCloseTo(most, within(1e-6));
  }

  private static List<String> answers(JsonNode json, int measurement, int round) {
    JsonNode row = json.path("measurements").path(measurement);
    return row.path("rounds").path(round).path("answers").values().stream()
        .map(
            a ->
                a.path("id")
                    + " "
                    + a.path("right")
                    + " "
                    + a.path("text_tokens")
                    + " "
                    + a.path("nfe"))
        .toList();
  }

  private static void assertPage(String page) throws Exception {
    assertThat(page)
        .contains("prefers-color-scheme:dark", "Wilson", "<dt>cpu</dt>", "<dt>os</dt>")
        .contains("<dt>memory bytes</dt>", "<dt>java</dt><dd>" + Runtime.version())
        .contains("<dt>version</dt>", "<dt>revision</dt>", "<dt>file sha256</dt>", "<dt>date</dt>")
        .doesNotContain("<script", "src=", "href=", "url(", "@import");
    // On a narrow page a cell stands alone, and says of which column it is.
    assertThat(page.split("<td", -1)).hasSameSizeAs(page.split("<td data-label='[^']+'>", -1));
    Matcher charts = Pattern.compile("<figure>(.*?)</figure>", Pattern.DOTALL).matcher(page);
    int count = 0;
    while (charts.find()) {
      DocumentBuilderFactory.newInstance()
          .newDocumentBuilder()
          .parse(new ByteArrayInputStream(charts.group(1).getBytes(StandardCharsets.UTF_8)));
      assertThat(charts.group(1)).doesNotContain("NaN", "Infinity");
      count++;
    }
    assertThat(count).isEqualTo(9);
  }

  /** A model of random weights: it shows the arithmetic, and is right by chance alone. */
  @Test
  void thePriceOfStrictStepsIsOnOnePage(@TempDir Path folder) throws Exception {
    Path model = Files.createDirectory(folder.resolve("random-gemma"));
    Path oracle = Cli.home().resolve("tests/src/test/resources/oracle/diffusion-gemma");
    Path words = Cli.home().resolve("models/abacus-mdm");
    for (String name : List.of("config.json", "model.safetensors")) {
      Files.copy(oracle.resolve(name), model.resolve(name));
    }
    for (String name : List.of("tokenizer.json", "tokenizer_config.json")) {
      Files.copy(words.resolve(name), model.resolve(name));
    }
    Path out = folder.resolve("out");
    String[] command = {
      "compare",
      model + ",max_denoising_steps=5,gen_length=32,entropy_bound=4",
      "--self-conditioning",
      "soft,top-k,top-3,top-1,off",
      "--limit",
      "6",
      "--concurrency",
      "3",
      "--rounds",
      "1",
      "--warm-up",
      "0",
      "--out",
      out.toString()
    };
    Outcome outcome = Outcome.of(command);
    assertThat(outcome.code()).as(outcome.err()).isZero();
    assertThat(outcome.out().lines().filter(line -> !line.contains(model.toString())))
        .allMatch(line -> line.length() <= 80)
        .contains("  hands on 0 bits a position, tokens only");
    JsonNode json = new JsonMapper().readTree(Files.readString(out.resolve("compare.json")));
    List<JsonNode> prices = List.copyOf(json.path("prices").values());
    assertThat(prices)
        .extracting(each -> each.path("tokens_only").booleanValue())
        .containsExactly(false, false, false, true, true);
    double token = Math.log(320) / Math.log(2);
    assertThat(prices)
        .extracting(each -> each.path("bits_handed_on").doubleValue())
        .containsExactly(32.0 * 64, 8 * (token + 32), 3 * (token + 32), token, 0.0);
    for (JsonNode each : prices) {
      assertThat(each.path("right").path("n").intValue()).isEqualTo(6);
      assertThat(each.path("right").path("high").doubleValue()).isGreaterThan(0.3);
      boolean strict = each.path("tokens_only").booleanValue();
      double opaque = each.path("opaque_depth").path("value").doubleValue();
      assertThat(opaque < 1000).as("opaque depth %s", opaque).isEqualTo(strict);
    }
    assertPage(Files.readString(out.resolve("compare.html")));
    assertThat(Files.readString(out.resolve("compare.html")))
        .contains(">soft</text>", ">top-k,self_conditioning_k=3</text>", "problem by problem</h2>");
    String python =
        Python.run(
            folder, Cli.home().resolve("tests/compare/reference.py").toString(), out.toString());
    assertThat(python)
        .satisfiesAnyOf(
            said -> assertThat(said).as("no python3 here").isEmpty(),
            said -> assertThat(said).endsWith(", 0 faults\n"));
    command[9] = "2";
    Outcome more =
        Outcome.of(Stream.concat(Stream.of(command), Stream.of("--resume")).toArray(String[]::new));
    assertThat(more.code()).as(more.err()).isZero();
    JsonNode resumed = new JsonMapper().readTree(Files.readString(out.resolve("compare.json")));
    assertThat(resumed.path("measurements").path(0).path("rounds").size()).isEqualTo(2);
    assertThat(resumed.path("prices")).isEqualTo(json.path("prices"));
    assertReadableOnANarrowPage(out.resolve("compare.html"));
  }

  /** No text of a bar runs into another, nothing is wider than the page. */
  private static void assertReadableOnANarrowPage(Path page) {
    try (Browser browser = Browser.start()) {
      for (int width : new int[] {400, 1280}) {
        browser.width(width);
        browser.open(page);
        Object widest = browser.script("return document.documentElement.scrollWidth");
        assertThat(((Number) widest).intValue()).isLessThanOrEqualTo(width);
        assertThat(
                browser.list(
                    """
                    const texts = [...document.querySelectorAll('.bars svg text')];
                    const boxes = texts.map(each => each.getBoundingClientRect());
                    return texts.filter((_, i) => boxes.some((other, j) => i < j
                        && boxes[i].left < other.right && other.left < boxes[i].right
                        && boxes[i].top < other.bottom && other.top < boxes[i].bottom))
                        .map(each => each.textContent)"""))
            .as("texts that run into others at %d pixels", width)
            .isEmpty();
      }
    }
  }

  @Test
  void whatIsConditionedNeedsAModelThatCanBe() {
    assertThat(wrong("--self-conditioning", "soft,off"))
        .contains("--self-conditioning soft,off needs a model to be of: name its folder");
    assertThat(wrong("m,self-conditioning=off", "--self-conditioning", "soft"))
        .contains("--self-conditioning is given, and the contestant m,self-conditioning=off has");
    assertThat(wrong("m", "--self-conditioning", "off,off")).contains("is named twice");
    assertThat(wrong("models/abacus-mdm", "--self-conditioning", "off"))
        .contains("no option of the sampler llada, but of entropy_bound");
  }

  private static String wrong(String... arguments) {
    String[] command =
        Stream.concat(Stream.of("compare"), Stream.of(arguments))
            .map(each -> each.startsWith("models/") ? Cli.home().resolve(each).toString() : each)
            .toArray(String[]::new);
    Outcome outcome = Outcome.of(command);
    assertThat(outcome.code()).as(outcome.err()).isEqualTo(2);
    return outcome.err();
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
              for (int wait = 0; wait < 200 && most.get() < 3 && asked.get() > 10; wait++) {
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
              "0",
              "--rounds",
              "1",
              "--out",
              folder.toString(),
              address(server) + "/v1/,model=twin,max_tokens=48");
      assertThat(outcome.code()).as(outcome.err()).isZero();
      assertThat(asked).hasValue(2 * 2 * 5);
      assertThat(most).hasValue(3);
      JsonNode first = new JsonMapper().readTree(outcome.out()).path("measurements").path(0);
      assertThat(first.path("text_tokens").intValue()).isEqualTo(45);
      assertThat(first.has("nfe")).isFalse();
      assertThat(first.has("seconds_to_first_snapshot_p50")).isFalse();
      assertThat(first.path("seconds_to_first_text_token_p50").doubleValue())
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
              Cli.home().resolve("models/abacus-ar").toString(),
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
    Path model = Cli.home().resolve("models/abacus-mdm");
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
              Cli.home().resolve("models/abacus-ar").toString());
      assertThat(outcome.code()).isEqualTo(1);
      assertThat(outcome.err().lines().filter(line -> line.startsWith("palimpsest:")))
          .hasSize(3)
          .anySatisfy(
              line ->
                  assertThat(line)
                      .contains(
                          "model=slow,timeout=1, 1 at once, round 1:",
                          "within 1 s",
                          "timeout=SECONDS"))
          .anySatisfy(
              line -> assertThat(line).contains("model=twin, 2 at once, round 1:", "{oops"));
      JsonNode json = new JsonMapper().readTree(Files.readString(folder.resolve("compare.json")));
      assertThat(json.path("measurements").size()).isEqualTo(1 + 3);
      assertThat(json.path("failures").size()).isEqualTo(2);
      String page = Files.readString(folder.resolve("compare.html"));
      assertPage(page);
      assertThat(page).contains("Not finished:", "within 1 s");
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
        "--rounds 0|--rounds 0 is invalid",
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
    String folder = Cli.home().resolve("models/abacus-mdm").toString();
    assertThat(Outcome.of("compare", folder + ",alg=entropy").err())
        .contains("--alg entropy is no option of the sampler llada");
  }

  @ParameterizedTest(name = "usage {0}")
  @ValueSource(booleans = {true, false})
  void anErrorInTheStreamIsAFailureInTheServersWords(boolean usage, @TempDir Path folder)
      throws IOException {
    HttpServer server =
        serve(
            _ ->
                event("{\"choices\":[{\"delta\":{\"content\":\"An\"}}]}")
                    + event("{\"error\":{\"message\":\"out of memory on worker 3\",\"code\":500}}")
                    + (usage ? event("{\"choices\":[],\"usage\":{\"completion_tokens\":1}}") : "")
                    + event("[DONE]"));
    try {
      Outcome outcome =
          Outcome.of(
              "compare",
              "--limit",
              "1",
              "--warm-up",
              "0",
              "--out",
              folder.toString(),
              address(server) + "/v1,model=x");
      assertThat(outcome.code()).isEqualTo(1);
      assertThat(outcome.out()).isEmpty();
      assertThat(outcome.err()).contains("sent an error in the stream: out of memory on worker 3");
      try (Stream<Path> files = Files.list(folder)) {
        assertThat(files).isEmpty();
      }
    } finally {
      server.stop(0);
    }
  }

  @Test
  void finishedRoundsStayAndTheMissingOnesAreRunLater(@TempDir Path folder) throws IOException {
    AtomicInteger asked = new AtomicInteger();
    HttpServer server = serve(_ -> asked.incrementAndGet() == 6 ? "data: {oops\n\n" : GOOD);
    String[] command = {
      "compare",
      "--limit",
      "2",
      "--concurrency",
      "1",
      "--warm-up",
      "0",
      "--rounds",
      "2",
      "--resume",
      "--out",
      folder.toString(),
      address(server) + "/v1,model=twin"
    };
    try {
      // A round is two requests of the contestant and two of its control, which goes first in the
      // second.
      assertThat(Outcome.of(command).code()).isEqualTo(1);
      assertThat(asked).hasValue(6);
      assertThat(rounds(folder)).containsExactly(1, 1);
      Outcome resumed = Outcome.of(command);
      assertThat(resumed.code()).as(resumed.err()).isZero();
      assertThat(asked).hasValue(6 + 4);
      assertThat(rounds(folder)).containsExactly(2, 2);
      Path json = folder.resolve("compare.json");
      Files.writeString(
          json,
          Files.readString(json)
              .replaceFirst("\"date\" ?: ?\"[^\"]*\"", "\"date\":\"2026-01-01T00:00:00Z\""));
      Files.delete(folder.resolve("compare.html"));
      assertThat(Outcome.of(command).code()).isZero();
      assertThat(asked).hasValue(6 + 4);
      assertThat(folder.resolve("compare.html")).content().contains("2026-01-01T00:00:00Z");
      command[2] = "1";
      Outcome other = Outcome.of(command);
      assertThat(other.code()).isEqualTo(1);
      assertThat(other.err())
          .contains(
              "compare.json: it is of another comparison, with problems 2, and this one has 1");
      assertThat(rounds(folder)).containsExactly(2, 2);
    } finally {
      server.stop(0);
    }
  }

  private static List<Integer> rounds(Path folder) throws IOException {
    return new JsonMapper()
            .readTree(Files.readString(folder.resolve("compare.json")))
            .path("measurements")
            .values()
            .stream()
            .map(row -> row.path("rounds").size())
            .toList();
  }

  @Test
  void anInterruptSaysWhatIsThereAndHowToGoOn(@TempDir Path folder) {
    assertThat(ComparisonFiles.farewell(folder, 2, 3))
        .contains("2 of 3 rounds are finished", folder.resolve("compare.json").toString())
        .contains("--resume");
    assertThat(ComparisonFiles.farewell(folder, 0, 3)).contains("nothing was written");
  }

  @Test
  void aProblemThatDoesNotFitOneContestantIsAskedOfNone(@TempDir Path folder) throws IOException {
    Path file =
        Files.writeString(
            folder.resolve("problems.jsonl"),
            """
            {"id": "short", "prompt": "Maya has 2 beads. She buys 1. How many?", "answer": "3"}
            {"id": "long", "prompt": "%s", "answer": "3"}
            """
                .formatted("Maya has 2 beads. ".repeat(200)));
    Outcome outcome =
        Outcome.of(
            "compare",
            "--file",
            file.toString(),
            "--warm-up",
            "0",
            "--rounds",
            "1",
            "--out",
            folder.toString());
    assertThat(outcome.code()).as(outcome.err()).isZero();
    assertThat(outcome.err().lines().filter(line -> line.contains("asked of none")))
        .singleElement()
        .asString()
        .contains("1 of 2 problems", "problem long, abacus-mdm:");
    JsonNode json = new JsonMapper().readTree(Files.readString(folder.resolve("compare.json")));
    assertThat(json.path("left_out").size()).isEqualTo(1);
    for (JsonNode row : json.path("measurements").values()) {
      JsonNode answers = row.path("rounds").path(0).path("answers");
      assertThat(answers.size()).isEqualTo(1);
      assertThat(answers.path(0).path("id").stringValue()).isEqualTo("short");
    }
    assertThat(Files.readString(folder.resolve("compare.html"))).contains("Asked of nobody:");
  }

  @Test
  void whatIsReadIsNeverReplaced(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("compare.json");
    String problems = "{\"prompt\": \"a\", \"answer\": \"1\"}\n";
    Files.writeString(file, problems);
    Outcome outcome = Outcome.of("compare", "--file", file.toString(), "--out", folder.toString());
    assertThat(outcome.code()).isEqualTo(2);
    assertThat(outcome.err()).contains("--out", "compare.json that is read");
    assertThat(file).hasContent(problems.strip());
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
