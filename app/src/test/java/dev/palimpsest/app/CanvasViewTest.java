package dev.palimpsest.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.engine.Model;
import dev.palimpsest.engine.backend.Precision;
import dev.palimpsest.sampler.GenerateOptions;
import dev.palimpsest.sampler.Generator;
import dev.palimpsest.sampler.ModelLimits;
import dev.palimpsest.sampler.SpecialTokens;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
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

  private static String watch(Terminal terminal) {
    PrintStream err = System.err;
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (Model model = Model.load(ModelOptions.bundled(), Precision.F32, 1, _ -> {});
        PrintStream stream = new PrintStream(bytes, true, StandardCharsets.UTF_8)) {
      System.setErr(stream);
      SpecialTokens specials = SpecialTokens.of(model.spec(), model.endOfTurn());
      GenerateOptions options =
          GenerateOptions.builder().genLength(48).blockLength(48).steps(12).build();
      try (CanvasView view = new CanvasView(terminal, model.tokenizer(), specials, options)) {
        new Generator(model.transformer(), ModelLimits.of(model.spec()), specials)
            .generate(model.prompt("Maya has 24 marbles."), options, view);
      }
    } finally {
      System.setErr(err);
    }
    return bytes.toString(StandardCharsets.UTF_8);
  }
}
