package dev.palimpsest.examples;

import dev.palimpsest.api.LanguageModel;
import java.nio.file.Path;
import java.util.Map;

/** One text: {@code Generate FOLDER PROMPT}. */
public final class Generate {
  private Generate() {}

  /** Runs it. */
  public static void main(String[] arguments) {
    try (LanguageModel model = LanguageModel.load(Path.of(arguments[0]))) {
      System.out.println(model.generate(arguments[1], Map.of("seed", 1)).text());
    }
  }
}
