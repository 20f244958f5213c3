package dev.palimpsest.app.trace;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.palimpsest.app.Browser;
import dev.palimpsest.app.Outcome;
import dev.palimpsest.lab.answer.Spans;
import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.CellState;
import dev.palimpsest.sampler.canvas.Commit;
import dev.palimpsest.sampler.trace.Trace;
import dev.palimpsest.step.Alternative;
import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.openqa.selenium.By;
import org.openqa.selenium.Keys;
import org.openqa.selenium.WebElement;
import org.openqa.selenium.interactions.Actions;
import org.w3c.dom.Document;
import org.xml.sax.InputSource;

/** The page of {@code view} in a real browser, against the traces that it shows. */
final class ViewerTest {
  private static final String CELLS =
      """
      const index = arguments[0];
      return [...document.querySelectorAll('[data-trace="' + index + '"] .cell')].map(cell =>
          [cell.dataset.position, cell.dataset.id, cell.dataset.step, cell.dataset.confidence,
           cell.dataset.entropy, cell.className]);""";
  private static final String GO =
      """
      const slider = document.getElementById('step');
      slider.value = arguments[0];
      slider.dispatchEvent(new Event('input'));""";

  @TempDir private static Path folder;
  private static Browser browser;
  private static Trace some;
  private static Trace other;
  private static Path one;
  private static Path two;

  @BeforeAll
  static void start() throws IOException {
    some = FakeTraces.write(folder.resolve("some.trace.jsonl"), 24, 12, 1, true);
    other = FakeTraces.write(folder.resolve("other.trace.jsonl"), 24, 8, 2, false);
    one = folder.resolve("one.html");
    two = folder.resolve("two.html");
    Files.writeString(one, ViewerPage.of(List.of(some), Spans.ANSWER));
    Files.writeString(two, ViewerPage.of(List.of(some, other), Spans.ANSWER));
    browser = Browser.start();
  }

  @AfterAll
  static void stop() {
    if (browser != null) {
      browser.close();
    }
  }

  @Test
  void everyCellOfEveryStepHasTheValuesOfTheTrace() {
    browser.open(one);
    for (int frame = 0; frame <= some.steps(); frame++) {
      browser.script(GO, frame);
      assertCells(0, some, frame);
    }
  }

  private static void assertCells(int index, Trace trace, int frame) {
    int reached = Math.min(frame, trace.steps());
    CanvasImage canvas = trace.canvasBefore(reached);
    Map<Integer, Commit> commits = new HashMap<>();
    Map<Integer, Integer> steps = new HashMap<>();
    for (int step = 0; step < reached; step++) {
      for (Commit commit : trace.step(step).commits()) {
        commits.put(commit.position(), commit);
        steps.put(commit.position(), step);
      }
    }
    List<?> cells = browser.list(CELLS, index);
    assertThat(cells).hasSize(canvas.length() - canvas.promptLength());
    for (Object each : cells) {
      List<?> cell = (List<?>) each;
      int position = Integer.parseInt((String) cell.get(0));
      if (canvas.state(position) == CellState.MASKED) {
        assertThat(cell.get(1)).isEqualTo("mask");
        assertThat((String) cell.get(5)).contains("mask");
        continue;
      }
      Commit commit = commits.getOrDefault(position, new Commit(-1, -1, -1, -1, -1));
      assertThat(cell.get(1)).isEqualTo(String.valueOf(canvas.id(position)));
      assertThat(cell.get(2)).isEqualTo(String.valueOf(steps.get(position)));
      assertThat(Double.parseDouble((String) cell.get(3))).isEqualTo(commit.confidence());
      assertThat(Double.parseDouble((String) cell.get(4))).isEqualTo(commit.entropy());
      String colour =
          commit.confidence() >= 0.7 ? "sure" : commit.confidence() >= 0.3 ? "likely" : "unsure";
      boolean fresh = frame == reached && steps.getOrDefault(position, -1) == reached - 1;
      assertThat(((String) cell.get(5)).contains(fresh ? colour : "cell")).isTrue();
      assertThat(((String) cell.get(5)).contains("sure"))
          .isEqualTo(fresh && !colour.equals("likely"));
    }
  }

  @Test
  void pointingAtATokenShowsEverythingThatHappenedThere() {
    browser.open(one);
    int position = some.step(7).commits().getFirst().position();
    new Actions(browser.driver())
        .moveToElement(browser.driver().findElement(By.cssSelector(cell(position))))
        .perform();
    List<WebElement> rows = browser.driver().findElements(By.cssSelector("#token tbody tr"));
    assertThat(rows).hasSize(8);
    for (int step = 0; step < 7; step++) {
      assertThat(rows.get(step).getText()).startsWith(step + " predicted");
    }
    assertThat(rows.get(7).getText()).startsWith("7 committed");
  }

  @Test
  void pointingAtAMaskShowsWhatElseCouldStandThere() {
    browser.open(one);
    browser.script(GO, 7);
    int position = some.step(7).commits().getFirst().position();
    new Actions(browser.driver())
        .moveToElement(browser.driver().findElement(By.cssSelector(cell(position))))
        .perform();
    List<Alternative> expected =
        some.step(6).asked().orElseThrow().at(position).orElseThrow().alternatives();
    List<WebElement> lines = browser.driver().findElements(By.cssSelector("#token p.soft"));
    assertThat(lines).hasSameSizeAs(expected).hasSize(2);
    for (int i = 0; i < lines.size(); i++) {
      String text = lines.get(i).getText();
      String piece = some.piece(expected.get(i).token()).replace("\n", "⏎");
      assertThat(text).startsWith(piece.replaceAll("[\\p{Cc}\\u2028]", "␣").strip());
      assertThat(Double.parseDouble(text.substring(text.lastIndexOf(' ') + 1)))
          .isCloseTo(expected.get(i).probability(), within(0.01));
    }
  }

  @Test
  void twoTracesAreComparedPositionByPosition() {
    browser.open(two);
    for (int frame : new int[] {0, 3, 8, 12}) {
      browser.script(GO, frame);
      assertCells(0, some, frame);
      assertCells(1, other, frame);
      CanvasImage left = some.canvasBefore(Math.min(frame, some.steps()));
      CanvasImage right = other.canvasBefore(Math.min(frame, other.steps()));
      int differences = 0;
      for (int position = left.promptLength(); position < left.length(); position++) {
        differences +=
            left.id(position) != right.id(position) || left.state(position) != right.state(position)
                ? 1
                : 0;
      }
      assertThat(browser.driver().findElements(By.cssSelector("[data-trace='0'] .differs")))
          .hasSize(differences);
      assertThat(browser.driver().findElements(By.cssSelector("[data-trace='1'] .differs")))
          .hasSize(differences);
    }
  }

  /** The branch has one record more, its edit before step 45: that shifts nothing. */
  @Test
  void aTraceAndItsBranchAreComparedStepByStep() throws IOException {
    Path file = folder.resolve("parent.trace.jsonl");
    Path edited = folder.resolve("branch.trace.jsonl");
    String[][] commands = {
      {"generate", "--trace", file.toString(), "Maya has 24 marbles. How many are there now?"},
      {
        "branch",
        file.toString(),
        "--at",
        "45",
        "--edit",
        "force at=0 text=9",
        "--to",
        edited.toString()
      },
    };
    for (String[] command : commands) {
      assertThat(Outcome.of(command).code()).isZero();
    }
    Trace parent = Trace.readWhole(file);
    Trace branch = Trace.readWhole(edited);
    Path page = folder.resolve("branch.html");
    Files.writeString(page, ViewerPage.of(List.of(parent, branch), Spans.ANSWER));
    browser.open(page);
    browser.script(GO, 46);
    assertThat(where()).startsWith("before step 45: force in branch.trace.jsonl, 3");
    assertThat(differing())
        .isEqualTo(differing(parent.canvasAfterRecord(44), branch.canvasAfterRecord(45)))
        .isEqualTo(1);
    for (int step = 0; step < 48; step++) {
      browser.script(GO, step < 45 ? step + 1 : step + 2);
      assertThat(where()).startsWith("step " + step + ", block 0, " + (47 - step));
      CanvasImage left = parent.canvasAfterRecord(step);
      CanvasImage right = branch.canvasAfterRecord(step < 45 ? step : step + 1);
      assertThat(differing()).as("step %d", step).isEqualTo(differing(left, right));
    }
  }

  private static long differing(CanvasImage left, CanvasImage right) {
    return IntStream.range(0, left.length())
        .filter(at -> left.id(at) != right.id(at) || left.state(at) != right.state(at))
        .count();
  }

  private static long differing() {
    return browser.driver().findElements(By.cssSelector("[data-trace='0'] .differs")).size();
  }

  @Test
  void textOfAModelStaysText() {
    browser.open(two);
    browser.script(GO, 12);
    assertThat(browser.driver().getTitle()).contains("some.trace.jsonl");
    assertThat(browser.driver().findElements(By.cssSelector("script"))).hasSize(2);
    assertThat(browser.driver().findElements(By.cssSelector("img"))).isEmpty();
    assertThat(browser.driver().findElement(By.cssSelector(".prompt")).getText())
        .contains(FakeTraces.PIECES.get(2));
    assertThat(browser.driver().findElement(By.id("about")).getText()).contains("<b>fake</b>");
  }

  @Test
  void theKeyboardStepsPlaysAndGoesFromTokenToToken() {
    browser.open(one);
    WebElement body = browser.driver().findElement(By.tagName("body"));
    body.sendKeys(Keys.HOME);
    assertThat(where()).startsWith("before the first step, 24 masked");
    body.sendKeys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT);
    assertThat(where()).startsWith("step 1, block 0, 20 masked");
    body.sendKeys(Keys.SPACE);
    assertThat(browser.driver().findElement(By.id("play")).getText()).isEqualTo("Pause");
    body.sendKeys(Keys.SPACE);
    assertThat(browser.driver().findElement(By.id("play")).getText()).isEqualTo("Play");
    browser.script("document.querySelector('.cell').focus()");
    new Actions(browser.driver()).sendKeys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT).perform();
    assertThat(browser.script("return document.activeElement.dataset.position")).isEqualTo("5");
    assertThat(browser.driver().findElement(By.id("token")).getText()).contains("Position 2");
  }

  @Test
  void everythingThatCanBeUsedHasANameAndOneTokenIsInTheTabOrder() {
    browser.open(two);
    assertThat(
            browser.list(
                "return [...document.querySelectorAll('button, select, input')].filter(e =>"
                    + " !(e.getAttribute('aria-label') || e.textContent.trim() ||"
                    + " e.closest('label'))).map(e => e.outerHTML)"))
        .isEmpty();
    assertThat(browser.driver().findElements(By.cssSelector(".cell[tabindex='0']"))).hasSize(2);
  }

  @ParameterizedTest
  @ValueSource(ints = {390, 1280})
  void nothingIsWiderThanThePage(int width) {
    try {
      browser.width(width);
      browser.open(two);
      browser.script(GO, 12);
      Object widest = browser.script("return document.documentElement.scrollWidth");
      assertThat(((Number) widest).intValue()).isLessThanOrEqualTo(width);
    } finally {
      browser.width(1280);
    }
  }

  @Test
  void thePageAsksNothingOfTheNetwork() {
    browser.open(two);
    assertThat(browser.list("return performance.getEntriesByType('resource')")).isEmpty();
  }

  @Test
  void theAnimationIsWellFormedAndHasNoScript() throws Exception {
    browser.open(one);
    String svg = (String) browser.script("return window.palimpsestAnimation()");
    Document document =
        DocumentBuilderFactory.newInstance()
            .newDocumentBuilder()
            .parse(new InputSource(new StringReader(svg)));
    assertThat(document.getDocumentElement().getTagName()).isEqualTo("svg");
    assertThat(document.getElementsByTagName("script").getLength()).isZero();
    assertThat(document.getElementsByTagName("animate").getLength()).isGreaterThan(24);
  }

  private static String where() {
    return browser.driver().findElement(By.id("where")).getText();
  }

  private static String cell(int position) {
    return ".cell[data-position='" + position + "']";
  }
}
