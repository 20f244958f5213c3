package dev.palimpsest.spark;

import dev.palimpsest.api.Completion;
import dev.palimpsest.api.LanguageModel;
import dev.palimpsest.engine.Compute;
import dev.palimpsest.engine.LoadOptions;
import dev.palimpsest.engine.device.Precision;
import java.nio.file.Path;
import java.util.Map;

/** The demo model and prompts for it. */
final class Demo {
  static final Path MODEL = Path.of(System.getProperty("palimpsest.home"), "models", "abacus-mdm");

  /** Short texts, drawn at random. */
  static final Map<String, Object> OPTIONS =
      Map.of("gen_length", 24, "block_length", 12, "steps", 6, "temperature", 0.7);

  private Demo() {}

  /** A prompt of a number. */
  static String prompt(long number) {
    return "Maya has %d marbles. First she buys %d more. How many marbles does Maya have now?"
        .formatted(10 + number, 2 + number % 7);
  }

  /** The model on the host. */
  static LanguageModel load() {
    return LanguageModel.load(MODEL, LoadOptions.on(Compute.onHost(Precision.F32, 2)));
  }

  /** What a prompt gets alone. */
  static Completion alone(LanguageModel model, String prompt, Map<String, Object> options) {
    LanguageModel.Text text = model.generate(prompt, options);
    Object seed = options.getOrDefault("seed", 0L);
    return Completion.of("", text, ((Number) seed).longValue());
  }
}
