package dev.palimpsest.app.serve;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.app.Browser;
import dev.palimpsest.step.Denoiser;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.openqa.selenium.By;
import org.openqa.selenium.Keys;
import org.openqa.selenium.WebElement;
import tools.jackson.databind.JsonNode;

/** The live page in a real browser, against what the server answers to others. */
final class LivePageTest {
  private static final String SHOWN =
      "return [...document.querySelectorAll('#canvas .cell')].map(cell => cell.textContent);";
  private static final String MASK = "▒";

  @TempDir private static Path traces;
  private static RunningServer server;
  private static Browser browser;

  @BeforeAll
  static void start() throws IOException {
    Limits limits = new Limits(16, 64, 2048, 128, 100_000, Duration.ofMinutes(5), 64);
    server = new RunningServer("abacus-mdm", limits, ApiKeys.NONE, traces, LivePageTest::unhurried);
    browser = Browser.start();
  }

  /** So slow that somebody can look back while it writes. */
  private static Denoiser unhurried(Denoiser denoiser) {
    return queries -> {
      try {
        Thread.sleep(40);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      return denoiser.predict(queries);
    };
  }

  @AfterAll
  static void stop() {
    if (browser != null) {
      browser.close();
    }
    server.close();
  }

  @BeforeEach
  void open() {
    browser.width(1200);
    browser.open(server.request("/").build().uri());
    await(() -> text("model").equals("abacus-mdm"));
  }

  @Test
  void aPromptIsWrittenByKeyboardAloneAndEveryStepIsWhatTheServerTells() throws Exception {
    write();
    await(() -> text("status").startsWith("done"));
    List<JsonNode> chunks =
        server.stream(
            "/v1/chat/completions",
            Map.of(
                "messages",
                List.of(RunningServer.user(RunningServer.PROBLEM)),
                "stream",
                true,
                "return_steps",
                true));
    List<JsonNode> steps = chunks.stream().filter(each -> each.has("diffusion")).toList();
    StringBuilder whole = new StringBuilder();
    chunks.forEach(
        each ->
            whole.append(each.path("choices").path(0).path("delta").path("content").asString("")));
    assertThat(text("settled")).isEqualTo(whole.toString().strip());

    toolbar().sendKeys(Keys.HOME);
    await(() -> text("where").equals("before the first step"));
    assertThat(shown()).isNotEmpty().containsOnly(MASK);
    for (JsonNode step : steps) {
      toolbar().sendKeys(Keys.ARROW_RIGHT);
      JsonNode frame = step.path("diffusion");
      await(() -> text("where").startsWith("step " + frame.path("at").path("step") + ","));
      List<String> cells = shown();
      assertThat(cells.stream().filter(MASK::equals)).hasSize(frame.path("masked_left").intValue());
      JsonNode commit = frame.path("commits").path(0);
      int cell = commit.path("position").intValue() - frame.path("text_start").intValue();
      assertThat(cells.get(cell)).isEqualTo(commit.path("text").stringValue());
    }
    browser.driver().findElement(By.cssSelector("#canvas .cell")).sendKeys(Keys.ARROW_RIGHT);
    assertThat(browser.script("return document.activeElement.getAttribute('aria-label')"))
        .asString()
        .startsWith("Position 1: ");
  }

  @Test
  void whoLooksBackWhileItWritesStaysThere() {
    write();
    await(() -> frames() > 3);
    toolbar().sendKeys(Keys.HOME);
    int then = frames();
    await(() -> frames() > then + 3);
    assertThat(shown()).containsOnly(MASK);
    await(() -> text("status").startsWith("done"));
    assertThat(shown()).containsOnly(MASK);
  }

  @Test
  void aBranchThatChangesNothingWritesTheSameAndOneThatDoesShowsIt() {
    write();
    await(() -> text("status").startsWith("done"));
    String whole = text("settled");
    List<String> end = shown();
    slide(20);
    browser.driver().findElement(By.id("branch")).click();
    await(() -> text("status").startsWith("done") && text("runs").contains("Branch"));
    assertThat(text("settled")).isEqualTo(whole);
    assertThat(shown()).isEqualTo(end);

    browser.driver().findElement(By.cssSelector("#runs button")).click();
    slide(2);
    int length = end.size();
    WebElement edit = browser.driver().findElement(By.id("edit"));
    browser.driver().findElements(By.cssSelector("#canvas .cell")).get(3).click();
    assertThat(edit.getDomProperty("value")).isEqualTo("force at=3 text=");
    edit.sendKeys("7", Keys.ENTER);
    await(() -> browser.list("return [...document.querySelectorAll('#runs button')]").size() == 3);
    await(() -> text("status").startsWith("done"));
    assertThat(shown()).hasSize(length);
    assertThat(shown().get(3)).isEqualTo("7");

    String view = browser.script("return document.getElementById('view').href").toString();
    browser.open(URI.create(view));
    assertThat(browser.driver().getTitle()).endsWith(".trace.jsonl – Palimpsest");
    assertThat(browser.list("return [...document.querySelectorAll('.cell')]")).hasSize(length);
  }

  @ParameterizedTest
  @ValueSource(ints = {360, 1200})
  void nothingIsWiderThanTheScreenAndNothingComesFromElsewhere(int width) {
    browser.width(width);
    write();
    await(() -> text("status").startsWith("done"));
    assertThat(browser.script("return document.documentElement.scrollWidth"))
        .isEqualTo((long) width);
    String here = server.request("/").build().uri().toString();
    assertThat(browser.list("return performance.getEntriesByType('resource').map(e => e.name)"))
        .isNotEmpty()
        .allSatisfy(name -> assertThat(name.toString()).startsWith(here));
  }

  @Test
  void whatTheServerRefusesIsSaidAndAStoppedTextStays() {
    browser.driver().findElement(By.id("max_tokens")).sendKeys("100000");
    write();
    await(() -> text("status").contains("max_tokens"));
    assertThat(browser.script("return document.getElementById('status').className"))
        .isEqualTo("fault");
    assertThat(shown()).isEmpty();

    browser.driver().findElement(By.id("max_tokens")).clear();
    write();
    await(() -> frames() > 2);
    browser.driver().findElement(By.id("stop")).click();
    await(() -> text("status").equals("stopped"));
    assertThat(shown()).contains(MASK);
  }

  private static void write() {
    WebElement prompt = browser.driver().findElement(By.id("prompt"));
    prompt.clear();
    prompt.sendKeys(RunningServer.PROBLEM, Keys.chord(Keys.CONTROL, Keys.ENTER));
  }

  /** Where keys that move through the steps may be typed. */
  private static WebElement toolbar() {
    return browser.driver().findElement(By.id("back"));
  }

  private static List<String> shown() {
    return browser.list(SHOWN).stream().map(Object::toString).toList();
  }

  private static int frames() {
    return Integer.parseInt(
        browser.script("return document.getElementById('step').max").toString());
  }

  private static void slide(int frame) {
    browser.script(
        "const s = document.getElementById('step'); s.value = arguments[0];"
            + " s.dispatchEvent(new Event('input'));",
        frame);
    await(
        () ->
            browser
                .script("return document.getElementById('where').textContent")
                .toString()
                .startsWith("step " + (frame - 1) + ","));
  }

  private static String text(String id) {
    return browser
        .script("return document.getElementById(arguments[0]).textContent", id)
        .toString()
        .strip();
  }

  private static void await(BooleanSupplier condition) {
    long begun = System.nanoTime();
    while (!condition.getAsBoolean()) {
      assertThat(Duration.ofNanos(System.nanoTime() - begun))
          .as(() -> "status \"%s\", where \"%s\"".formatted(text("status"), text("where")))
          .isLessThan(Duration.ofSeconds(60));
      try {
        Thread.sleep(15);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new AssertionError(e);
      }
    }
  }
}
