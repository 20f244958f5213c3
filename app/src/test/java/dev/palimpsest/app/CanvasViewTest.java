package dev.palimpsest.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.engine.Model;
import dev.palimpsest.engine.backend.Precision;
import dev.palimpsest.sampler.GenerateOptions;
import dev.palimpsest.sampler.Generator;
import dev.palimpsest.sampler.ModelLimits;
import dev.palimpsest.sampler.SnapshotRing;
import dev.palimpsest.sampler.SpecialTokens;
import java.io.ByteArrayOutputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CountDownLatch;
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
    assertThat(sent.split("A\r\u001b\\[J", -1)).hasSize(12);
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
    for (String picture : sent.split("\r\u001b\\[J", -1)) {
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
            new Terminal(false, 80, 24, false, false),
            slow,
            bytes,
            GenerateOptions.builder().genLength(100).blockLength(100).steps(100).build(),
            4,
            finished::countDown);
    List<String> lines = sent.lines().toList();
    assertThat(lines).hasSizeBetween(256 + 1, 1 + 256 + 1);
    assertThat(lines.get(lines.size() - 2).strip()).startsWith("399 ");
    assertThat(lines.getLast())
        .startsWith(
            "%d of 400 steps are not shown: they came faster".formatted(400 - lines.size() + 1));
  }

  private static String watch(Terminal terminal) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    return watch(
        terminal,
        bytes,
        bytes,
        GenerateOptions.builder().genLength(48).blockLength(48).steps(12).build(),
        1,
        () -> {});
  }

  private static String watch(
      Terminal terminal,
      OutputStream sink,
      ByteArrayOutputStream bytes,
      GenerateOptions options,
      int texts,
      Runnable atEnd) {
    PrintStream err = System.err;
    try (Model model = Model.load(ModelOptions.bundled(), Precision.F32, 1, _ -> {});
        PrintStream stream = new PrintStream(sink, true, StandardCharsets.UTF_8)) {
      System.setErr(stream);
      SpecialTokens specials = SpecialTokens.of(model.spec(), model.endOfTurn());
      try (CanvasView view =
          new CanvasView(
              terminal,
              model.tokenizer(),
              specials,
              options,
              SnapshotRing.WhenFull.LEAVE_OUT_OLDEST)) {
        Generator generator =
            new Generator(model.transformer(), ModelLimits.of(model.spec()), specials);
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
