package dev.palimpsest.app.file;

import dev.palimpsest.app.terminal.Cli;
import dev.palimpsest.engine.checkpoint.CheckpointException;
import dev.palimpsest.engine.text.TextFile;
import dev.palimpsest.lab.answer.Spans;
import dev.palimpsest.sampler.trace.Checksum;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
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
  private static final List<String> PROMPTS =
      List.of("prompt", "question", "problem", "Question", "Problem");
  private static final List<String> ANSWERS = List.of("answer", "Answer");
  private static final List<String> IDS = List.of("id", "ID");

  /** Stands before the answer in GSM8K. */
  private static final String BEFORE_ANSWER = "####";

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

  /** SHA-256 of all that is asked: ids, prompts and answers. */
  public static String checksum(List<Problem> problems) {
    return Checksum.sha256(
        problems.stream()
            .map(each -> String.join("\n", each.id(), each.prompt(), each.answer()))
            .collect(Collectors.joining("\n\n")));
  }

  /** The same problem, asked in other words. */
  public Problem asked(String prompt) {
    return new Problem(id, prompt, answer, steps);
  }

  /**
   * Reads a file with one JSON object a line, or a Parquet file: the strings {@code prompt} and
   * {@code answer}, and if it likes an {@code id} and a number of {@code steps}; other fields are
   * left alone. Also read are the forms in which GSM8K ({@code question} and {@code answer}, of
   * which what follows {@code ####} is the answer, without commas between its digits) and AIME
   * ({@code problem} and {@code answer}, a whole number without leading zeros; either name may
   * begin with a capital) are published.
   */
  public static List<Problem> read(Path file) throws IOException {
    if (!Files.isRegularFile(file)) {
      throw new CheckpointException(file + ": there is no such file of problems.");
    }
    JsonMapper mapper = new JsonMapper();
    List<Problem> problems = new ArrayList<>();
    List<String> lines =
        file.toString().toLowerCase(Locale.ROOT).endsWith(".parquet")
            ? DuckDb.rows(file)
            : TextFile.read(file).lines().toList();
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
      JsonNode prompt = first(json, PROMPTS);
      JsonNode answer = first(json, ANSWERS);
      if (prompt.isString() && (answer.isString() || answer.isIntegralNumber())) {
        JsonNode id = first(json, IDS);
        JsonNode steps = json.path("steps");
        String given = answer.asString().strip();
        return new Problem(
            id.isString() || id.isNumber() ? id.asString() : String.valueOf(number),
            prompt.stringValue(),
            json.has(PROMPTS.getFirst()) ? given : published(given),
            steps.isInt() ? Optional.of(steps.intValue()) : Optional.empty());
      }
    } catch (JacksonException e) {
      throw new CheckpointException(malformed(file, number), e);
    }
    throw new CheckpointException(malformed(file, number));
  }

  private static JsonNode first(JsonNode json, List<String> names) {
    return names.stream().filter(json::has).findFirst().map(json::path).orElse(json.path(""));
  }

  /** The answer alone of what a data set was published with. */
  private static String published(String answer) {
    int mark = answer.lastIndexOf(BEFORE_ANSWER);
    String last = mark < 0 ? answer : answer.substring(mark + BEFORE_ANSWER.length());
    String bare = last.strip().replaceAll("(?<=\\d),(?=\\d{3})", "");
    return bare.matches("0+\\d+") ? bare.replaceFirst("^0+(?=\\d)", "") : bare;
  }

  private static String malformed(Path file, int number) {
    return "%s: line %d is not a JSON object with the strings \"prompt\" and \"answer\"."
        .formatted(file, number);
  }
}
