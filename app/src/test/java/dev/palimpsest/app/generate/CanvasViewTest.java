package dev.palimpsest.app.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.palimpsest.api.ModelTraits;
import dev.palimpsest.app.options.ModelOptions;
import dev.palimpsest.app.terminal.Terminal;
import dev.palimpsest.engine.Model;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.engine.text.Tokenizer;
import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.sampler.method.LladaOptions;
import dev.palimpsest.sampler.run.Generator;
import dev.palimpsest.sampler.run.SnapshotRing;
import java.io.ByteArrayOutputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** What a terminal is sent while a canvas fills. */
final class CanvasViewTest {
  private static final Pattern ESCAPES = Pattern.compile("\u001b\\[[0-9;]*[A-Za-z]");

  @Test
  void noLineIsWiderThanTheTerminalAndEveryPictureReplacesTheLast() {
    String sent = watch(new Terminal(true, 40, 24, true, true));
    assertThat(ESCAPES.matcher(sent).replaceAll("").lines())
        .allMatch(line -> line.strip().length() <= 40);
    assertThat(sent.split("A\r", -1)).hasSize(12);
  }

  @Test
  void masksAreDarkGreyAndNewTokensAreColouredByConfidence() {
    assertThat(watch(new Terminal(true, 80, 24, true, true)))
        .contains("\u001b[38;5;238m░\u001b[0m")
        .contains("\u001b[38;5;34m");
  }

  @Test
  void withoutColoursNoColourIsSent() {
    assertThat(watch(new Terminal(true, 80, 24, false, false)))
        .doesNotContain("[38;5")
        .contains("_");
  }

  @Test
  void aCanvasTallerThanTheTerminalIsCutToIt() {
    String sent = watch(new Terminal(true, 20, 4, true, false));
    for (String picture : sent.split("\u001b\\[[0-9]+A\r", -1)) {
      assertThat(picture.lines().count()).isLessThanOrEqualTo(4);
    }
  }

  /** Whatever is written first waits until the generation has come to its end. */
  @Test
  void aViewThatCannotKeepUpLeavesStepsOutAndSaysHowMany() {
    CountDownLatch finished = new CountDownLatch(1);
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    OutputStream slow =
        new FilterOutputStream(bytes) {
          @Override
          public void write(byte[] from, int at, int count) throws IOException {
            try {
              finished.await();
            } catch (InterruptedException e) {
              throw new InterruptedIOException(e.getMessage());
            }
            out.write(from, at, count);
          }
        };
    String sent =
        watch(
            () -> new Terminal(false, 80, 24, false, false),
            "Maya has 24 marbles.",
            slow,
            bytes,
            LladaOptions.builder().genLength(100).blockLength(100).steps(100).build(),
            4,
            finished::countDown);
    List<String> lines = sent.lines().toList();
    assertThat(lines).hasSizeBetween(256 + 1, 1 + 256 + 1);
    assertThat(lines.get(lines.size() - 2).strip()).startsWith("399 ");
    assertThat(lines.getLast())
        .startsWith(
            "%d of 400 steps are not shown: they came faster".formatted(400 - lines.size() + 1));
  }

  @Test
  void aPictureHasThePromptAndWhatWasDoneOfWhatThereIs() {
    List<String> pictures = pictures(watch(new Terminal(true, 80, 24, true, false)));
    assertThat(pictures).hasSize(12);
    for (int step = 1; step <= 12; step++) {
      List<String> lines = pictures.get(step - 1).lines().toList();
      assertThat(lines.getFirst()).isEqualTo("Maya has 24 marbles.");
      assertThat(lines.get(1))
          .matches(
              "step %d of 12, \\d+\\.\\d tokens/s, %d masked, block 0, \\d+ ms"
                  .formatted(step, 48 - 4 * step));
    }
  }

  /** The last picture has the whole text, which is read again for its tokens. */
  @Test
  void tokensPerSecondAreThoseOfTheTextOverTheTimeBeside() {
    List<String> lines =
        pictures(watch(new Terminal(true, 80, 24, true, false))).getLast().lines().toList();
    String text = String.join("", lines.subList(2, lines.size()));
    int tokens;
    try (Tokenizer tokenizer = Tokenizer.open(ModelOptions.bundled())) {
      tokens = tokenizer.encode(text.substring(0, text.indexOf('∎'))).length;
    }
    Matcher said = Pattern.compile("([0-9.]+) tokens/s.* ([0-9]+) ms").matcher(lines.get(1));
    assertThat(said.find()).isTrue();
    double rate = Double.parseDouble(said.group(1));
    double seconds = Double.parseDouble(said.group(2)) / 1000;
    // The rate is rounded to tenths, the time to milliseconds.
    assertThat(rate * seconds).isCloseTo(tokens, within(0.05 * seconds + 0.0005 * rate + 1e-6));
  }

  @Test
  void aLongPromptIsCutToTwoLinesAndWideCharactersCountTwice() {
    String sent = watch(() -> new Terminal(true, 30, 24, true, false), "日本語 ".repeat(20));
    List<String> lines = pictures(sent).getFirst().lines().toList();
    assertThat(lines.getFirst()).isEqualTo("日本語 日本語 日本語 日本語 ");
    assertThat(lines.get(1)).isEqualTo("日本語 日本語 日本語 日本語 …");
    assertThat(lines.get(2)).startsWith("step 1 of 12");
  }

  /** The number of rows that it goes up is what the last picture takes after its lines wrapped. */
  @Test
  void aTerminalThatBecomesNarrowerIsFollowed() {
    Queue<Terminal> sizes = new ConcurrentLinkedQueue<>();
    sizes.add(new Terminal(true, 100, 24, true, false)); // asked for its characters
    sizes.add(new Terminal(true, 100, 24, true, false));
    Terminal narrow = new Terminal(true, 25, 24, true, false);
    String sent = watch(() -> sizes.size() > 0 ? sizes.remove() : narrow, "Maya has 24 marbles.");
    List<String> pictures = pictures(sent);
    int rows =
        pictures.getFirst().lines().mapToInt(line -> Math.max(1, (line.length() + 24) / 25)).sum();
    assertThat(rows).isGreaterThan((int) pictures.getFirst().lines().count());
    assertThat(sent.split("\u001b\\[J", -1)[1]).startsWith("\u001b[" + rows + "A\r");
    assertThat(pictures.subList(1, 12))
        .allSatisfy(picture -> assertThat(picture.lines()).allMatch(line -> line.length() < 25));
  }

  /** What is seen after each picture. */
  private static List<String> pictures(String sent) {
    return Arrays.stream(sent.split("\u001b\\[J", -1))
        .map(picture -> ESCAPES.matcher(picture).replaceAll("").replace("\r", ""))
        .filter(picture -> !picture.isEmpty())
        .toList();
  }

  private static String watch(Terminal terminal) {
    return watch(() -> terminal, "Maya has 24 marbles.");
  }

  private static String watch(Supplier<Terminal> terminals, String prompt) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    return watch(
        terminals,
        prompt,
        bytes,
        bytes,
        LladaOptions.builder().genLength(48).blockLength(48).steps(12).build(),
        1,
        () -> {});
  }

  private static String watch(
      Supplier<Terminal> terminals,
      String prompt,
      OutputStream sink,
      ByteArrayOutputStream bytes,
      LladaOptions options,
      int texts,
      Runnable atEnd) {
    PrintStream err = System.err;
    try (Model model = Model.load(ModelOptions.bundled(), Precision.F32, 1, _ -> {});
        PrintStream stream = new PrintStream(sink, true, StandardCharsets.UTF_8)) {
      System.setErr(stream);
      SpecialTokens specials = ModelTraits.specials(model.spec(), model.endOfTurn());
      try (CanvasView view =
          new CanvasView(
              terminals,
              model.tokenizer(),
              specials,
              options,
              prompt,
              SnapshotRing.WhenFull.LEAVE_OUT_OLDEST)) {
        Generator generator =
            new Generator(model.transformer(), ModelTraits.limits(model.spec()), specials);
        for (int text = 0; text < texts; text++) {
          assertThat(
                  generator
                      .generate(model.prompt("Maya has 24 marbles."), options, view)
                      .complete())
              .isTrue();
        }
        atEnd.run();
      }
    } finally {
      System.setErr(err);
    }
    return bytes.toString(StandardCharsets.UTF_8);
  }
}
