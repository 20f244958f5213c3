package dev.palimpsest.app.lens;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.app.Browser;
import dev.palimpsest.app.trace.FakeTraces;
import dev.palimpsest.lab.answer.SpanRule;
import dev.palimpsest.lab.answer.Spans;
import dev.palimpsest.lab.lens.LensStatistics;
import dev.palimpsest.lab.lens.LensStep;
import dev.palimpsest.sampler.canvas.CellState;
import dev.palimpsest.sampler.statistics.CommitSteps;
import dev.palimpsest.sampler.trace.Trace;
import dev.palimpsest.step.Prediction;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.openqa.selenium.By;
import org.openqa.selenium.Keys;
import org.openqa.selenium.interactions.Actions;

/** The page of {@code lens} in a real browser, against the read-outs that it shows. */
final class LensPageTest {
  private static final int BLOCKS = 3;

  private static final String BLOCK =
      """
      const slider = document.getElementById('block');
      slider.value = arguments[0];
      slider.dispatchEvent(new Event('input'));\
      """;
  private static final String COLOURS =
      """
      const select = document.getElementById('colours');
      select.value = arguments[0];
      select.dispatchEvent(new Event('change'));\
      """;

  /** Each cell of a step: its text, its class, and its background as the browser writes it. */
  private static final String CELLS =
      """
      const row = document.querySelectorAll('.map tbody tr')[arguments[0]];
      return [row.querySelector('th').textContent, ...[...row.querySelectorAll('td')].map(cell =>
          [cell.textContent, cell.className, cell.style.background])];\
      """;

  private static final String AS_WRITTEN =
      """
      const sample = document.createElement('i');
      sample.style.background = arguments[0];
      return sample.style.background;\
      """;

  @TempDir private static Path folder;
  private static Browser browser;
  private static Trace trace;
  private static int[] written;
  private static List<LensStep> steps;
  private static Path page;

  @BeforeAll
  static void start() throws IOException {
    trace = FakeTraces.write(folder.resolve("some.trace.jsonl"), 24, 12, 3, false);
    written = LensStatistics.written(trace);
    assertThat(written.length).isGreaterThan(8);
    steps = steps();
    SpanRule rule = new SpanRule.Matching(Spans.ANSWER);
    page = folder.resolve("lens.html");
    Files.writeString(
        page, LensPage.of(trace, steps, LensStatistics.of(trace, steps, BLOCKS, rule), rule));
    browser = Browser.start();
  }

  @AfterAll
  static void stop() {
    if (browser != null) {
      browser.close();
    }
  }

  /** Half of the read-outs have the final token highest. */
  private static List<LensStep> steps() {
    SplittableRandom random = new SplittableRandom(5);
    List<LensStep> steps = new ArrayList<>();
    for (int step = 0; step < trace.steps(); step++) {
      int at = step;
      int[] positions =
          Arrays.stream(written)
              .filter(each -> trace.canvasBefore(at).state(each) == CellState.MASKED)
              .toArray();
      List<List<Prediction>> blocks = new ArrayList<>();
      for (int block = 0; block < BLOCKS; block++) {
        List<Prediction> row = new ArrayList<>();
        for (int position : positions) {
          int id = random.nextBoolean() ? trace.last().id(position) : 2 + random.nextInt(17);
          double top = random.nextDouble();
          row.add(
              new Prediction(id, top, id, top, top / 2, 0, 1)
                  .scored(StrictMath.log(top * random.nextDouble(0.1, 1))));
        }
        blocks.add(row);
      }
      if (positions.length > 0) {
        steps.add(new LensStep(step, positions, blocks));
      }
    }
    return steps;
  }

  private static boolean leads(LensStep step, int block, int index) {
    return step.blocks().get(block).get(index).argmax() == trace.last().id(step.positions()[index]);
  }

  private static double share(String colours, LensStep step, int block, int index) {
    Prediction read = step.blocks().get(block).get(index);
    if (colours.equals("tops")) {
      return Math.round(1000 * read.top()) / 1000.0;
    }
    if (colours.equals("finals")) {
      return Math.round(1000 * StrictMath.exp(read.targetLogProbability().orElseThrow())) / 1000.0;
    }
    int depth = BLOCKS;
    while (depth > 0 && leads(step, depth - 1, index)) {
      depth--;
    }
    return 1 - (double) depth / BLOCKS;
  }

  private static Object background(double share) {
    return browser.script(
        AS_WRITTEN,
        String.format(
            Locale.ROOT,
            "hsl(%d 65%% %d%%)",
            Math.round(250 - 200 * share),
            Math.round(22 + 34 * share)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"finals", "tops", "depth"})
  void everyCellOfEveryBlockHasWhatWasRead(String colours) {
    browser.open(page);
    browser.script(COLOURS, colours);
    int[] commits = CommitSteps.of(trace);
    for (int block = 0; block < BLOCKS; block++) {
      browser.script(BLOCK, block);
      assertThat(text("where")).isEqualTo("after block %d of 0 to 2".formatted(block));
      for (int row = 0; row < steps.size(); row++) {
        LensStep step = steps.get(row);
        List<?> cells = browser.list(CELLS, row);
        assertThat(cells).hasSize(1 + written.length);
        assertThat(cells.getFirst()).isEqualTo(String.valueOf(step.step()));
        for (int column = 0; column < written.length; column++) {
          int index = Arrays.binarySearch(step.positions(), written[column]);
          boolean isRead = index >= 0;
          boolean wrote = commits[written[column] - trace.last().promptLength()] == step.step();
          assertThat(cells.get(1 + column))
              .as("step %d, column %d, block %d", step.step(), column, block)
              .isEqualTo(
                  List.of(
                      isRead && leads(step, block, index) ? "●" : "",
                      wrote ? "wrote" : "",
                      isRead ? background(share(colours, step, block, index)) : ""));
        }
      }
    }
  }

  @Test
  void pointingAtACellShowsWhatEveryBlockHadThereAndWhatTheStepSaw() {
    browser.open(page);
    LensStep step = steps.get(4);
    int index = step.positions().length / 2;
    int position = step.positions()[index];
    int column = Arrays.binarySearch(written, position);
    new Actions(browser.driver())
        .moveToElement(
            browser
                .driver()
                .findElement(
                    By.cssSelector(
                        ".map tbody tr:nth-child(5) td:nth-of-type(%d)".formatted(column + 1))))
        .perform();
    assertThat(text("place"))
        .isEqualTo(
            "Step %d, position %d".formatted(step.step(), position - trace.last().promptLength()));
    List<?> rows =
        browser.list(
            "return [...document.querySelectorAll('#detail tbody tr')].map(row =>"
                + " [...row.children].map(cell => cell.textContent))");
    assertThat(rows).hasSize(BLOCKS);
    for (int block = 0; block < BLOCKS; block++) {
      List<?> row = (List<?>) rows.get(block);
      assertThat(row.get(0)).isEqualTo(String.valueOf(block));
      assertThat(row.get(2))
          .isEqualTo(String.format(Locale.ROOT, "%.3f", share("tops", step, block, index)));
      assertThat(row.get(3))
          .isEqualTo(String.format(Locale.ROOT, "%.3f", share("finals", step, block, index)));
    }
    long masked =
        Arrays.stream(step.positions())
            .filter(at -> trace.canvasBefore(step.step()).state(at) == CellState.MASKED)
            .count();
    assertThat(text("canvas").chars().filter(each -> each == '░').count())
        .isGreaterThanOrEqualTo(masked);
  }

  @Test
  void theKeyboardGoesFromCellToCellAndFromStepToStep() {
    browser.open(page);
    browser.script("document.querySelector('.map td[tabindex=\"0\"]').focus()");
    int first = written[0] - trace.last().promptLength();
    assertThat(text("place")).isEqualTo("Step 0, position " + first);
    new Actions(browser.driver()).sendKeys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT).perform();
    assertThat(text("place"))
        .isEqualTo("Step 0, position " + (written[2] - trace.last().promptLength()));
    boolean remains =
        Arrays.stream(steps.get(1).positions()).anyMatch(position -> position == written[2]);
    new Actions(browser.driver()).sendKeys(Keys.ARROW_DOWN).perform();
    assertThat(text("place")).startsWith(remains ? "Step 1," : "Step 0,");
    assertThat(browser.list("return [...document.querySelectorAll('.map td[tabindex=\"0\"]')]"))
        .hasSize(1);
  }

  @Test
  void textOfAModelStaysText() {
    browser.open(page);
    browser.script("document.querySelector('.map td[tabindex=\"0\"]').focus()");
    assertThat(browser.driver().getTitle()).isEqualTo("Palimpsest lens");
    assertThat(browser.driver().findElements(By.cssSelector("script"))).hasSize(2);
    assertThat(browser.driver().findElements(By.cssSelector("img"))).isEmpty();
    assertThat(text("subtitle")).startsWith("<b>fake</b>, 3 blocks, 12 steps");
  }

  @Test
  void everythingThatCanBeUsedHasAName() {
    browser.open(page);
    assertThat(
            browser.list(
                "return [...document.querySelectorAll('button, select, input')].filter(e =>"
                    + " !(e.getAttribute('aria-label') || e.textContent.trim() || e.labels.length"
                    + " > 0)).map(e => e.outerHTML)"))
        .isEmpty();
  }

  @ParameterizedTest
  @ValueSource(ints = {390, 1280})
  void nothingIsWiderThanThePage(int width) {
    try {
      browser.width(width);
      browser.open(page);
      browser.script("document.querySelector('.map td[tabindex=\"0\"]').focus()");
      Object widest = browser.script("return document.documentElement.scrollWidth");
      assertThat(((Number) widest).intValue()).isLessThanOrEqualTo(width);
    } finally {
      browser.width(1280);
    }
  }

  @Test
  void thePageAsksNothingOfTheNetwork() {
    browser.open(page);
    assertThat(browser.list("return performance.getEntriesByType('resource')")).isEmpty();
  }

  private static String text(String id) {
    return browser.driver().findElement(By.id(id)).getText();
  }
}
