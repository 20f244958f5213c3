package dev.palimpsest.app.file;

import dev.palimpsest.app.terminal.Cli;
import dev.palimpsest.engine.checkpoint.CheckpointException;
import dev.palimpsest.engine.text.TextFile;
import dev.palimpsest.lab.answer.Spans;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A prompt and its right answer.
 *
 * @param id the file's {@code id}, a string or a number; the number of the line if it has none
 * @param prompt what a model is asked
 * @param answer without white space around it
 * @param steps how many steps of reasoning it takes, if the file says so
 */
public record Problem(String id, String prompt, String answer, Optional<Integer> steps) {

  /** The file of those held out from the bundled models. */
  public static Path heldOut() {
    return Cli.home().resolve("models").resolve("abacus").resolve("eval.jsonl");
  }

  /**
   * Whether the answer that a text gives is the right one, character for character.
   *
   * @param pattern finds it: its one group, where it matches last
   */
  public boolean isAnsweredBy(String text, Pattern pattern) {
    return Spans.answer(text, pattern).filter(answer::equals).isPresent();
  }

  /** The same problem, asked in other words. */
  public Problem asked(String prompt) {
    return new Problem(id, prompt, answer, steps);
  }

  /**
   * Reads a file with one JSON object a line: the strings {@code prompt} and {@code answer}, and if
   * it likes an {@code id} and a number of {@code steps}; other fields are left alone.
   */
  public static List<Problem> read(Path file) throws IOException {
    if (!Files.isRegularFile(file)) {
      throw new CheckpointException(file + ": there is no such file of problems.");
    }
    JsonMapper mapper = new JsonMapper();
    List<Problem> problems = new ArrayList<>();
    List<String> lines = TextFile.read(file).lines().toList();
    for (int number = 1; number <= lines.size(); number++) {
      String line = lines.get(number - 1);
      if (!line.isBlank()) {
        problems.add(parse(mapper, file, number, line));
      }
    }
    if (problems.isEmpty()) {
      throw new CheckpointException(file + ": the file holds no problem.");
    }
    return problems;
  }

  private static Problem parse(JsonMapper mapper, Path file, int number, String line) {
    try {
      JsonNode json = mapper.readTree(line);
      JsonNode prompt = json.path("prompt");
      JsonNode answer = json.path("answer");
      if (prompt.isString() && answer.isString()) {
        JsonNode id = json.path("id");
        JsonNode steps = json.path("steps");
        return new Problem(
            id.isString() || id.isNumber() ? id.asString() : String.valueOf(number),
            prompt.stringValue(),
            answer.stringValue().strip(),
            steps.isInt() ? Optional.of(steps.intValue()) : Optional.empty());
      }
    } catch (JacksonException e) {
      throw new CheckpointException(malformed(file, number), e);
    }
    throw new CheckpointException(malformed(file, number));
  }

  private static String malformed(Path file, int number) {
    return "%s: line %d is not a JSON object with the strings \"prompt\" and \"answer\"."
        .formatted(file, number);
  }
}
