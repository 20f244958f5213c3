package dev.palimpsest.examples;

import dev.palimpsest.api.LanguageModel;
import dev.palimpsest.sampler.canvas.CellState;
import dev.palimpsest.sampler.canvas.Snapshot;
import java.nio.file.Path;
import java.util.Map;

/** The canvas after every step: {@code StreamSnapshots FOLDER PROMPT}. */
public final class StreamSnapshots {
  private StreamSnapshots() {}

  /** Runs it. */
  public static void main(String[] arguments) {
    try (LanguageModel model = LanguageModel.load(Path.of(arguments[0]))) {
      model.generate(
          arguments[1],
          Map.of(),
          snapshot -> System.out.printf("%3d %s%n", snapshot.step(), canvas(model, snapshot)));
    }
  }

  private static String canvas(LanguageModel model, Snapshot snapshot) {
    StringBuilder text = new StringBuilder();
    for (int at = snapshot.canvas().promptLength(); at < snapshot.canvas().length(); at++) {
      boolean masked = snapshot.canvas().state(at) == CellState.MASKED;
      text.append(masked ? "_" : model.model().tokenizer().piece(snapshot.canvas().id(at)));
    }
    return text.toString();
  }
}
