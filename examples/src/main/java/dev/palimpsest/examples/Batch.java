package dev.palimpsest.examples;

import dev.palimpsest.api.LanguageModel;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** Many texts together, each as it would be alone: {@code Batch FOLDER PROMPT...}. */
public final class Batch {
  private Batch() {}

  /** Runs it. */
  public static void main(String[] arguments) {
    List<String> prompts = Arrays.asList(arguments).subList(1, arguments.length);
    try (LanguageModel model = LanguageModel.load(Path.of(arguments[0]))) {
      for (LanguageModel.Text each : model.generateAll(prompts, Map.of("threshold", 0.9))) {
        System.out.printf("%s (%d forwards)%n", each.text(), each.generation().forwards());
      }
    }
  }
}
