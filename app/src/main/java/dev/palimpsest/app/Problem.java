package dev.palimpsest.app;

import dev.palimpsest.engine.checkpoint.CheckpointException;
import dev.palimpsest.engine.text.TextFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A prompt and its right answer.
 *
 * @param steps how many steps of reasoning it takes, if the file says so
 */
record Problem(String prompt, String answer, Optional<Integer> steps) {
  private static final String MARK = "Answer:";

  /** Whether what follows the text's last {@code Answer:} is the answer. */
  boolean isAnsweredBy(String text) {
    int mark = text.lastIndexOf(MARK);
    return mark >= 0 && text.substring(mark + MARK.length()).strip().equals(answer);
  }

  /** Reads a file with one JSON object a line. */
  static List<Problem> read(Path file) throws IOException {
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
        JsonNode steps = json.path("steps");
        return new Problem(
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
