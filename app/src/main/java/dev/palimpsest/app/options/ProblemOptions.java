package dev.palimpsest.app.options;

import dev.palimpsest.app.file.Problem;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Which problems are asked, in what words, and where in a text their answer is. */
public final class ProblemOptions {
  private static final String PROMPT = "{prompt}";

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  @Option(names = "--limit", paramLabel = "N", description = "Only the first N problems.")
  private Optional<Integer> limit;

  @Option(
      names = "--prompt-template",
      paramLabel = "TEXT",
      description =
          "Ask every problem in this text, with its prompt in place of {prompt}: a model that was"
              + " not trained on such problems has to be told what an answer looks like.")
  private Optional<String> promptTemplate;

  @Mixin private AnswerOptions answerOptions;

  /** The file that is read: those held out from the bundled models if none is given. */
  public static Path file(Optional<Path> given) {
    return given.orElseGet(Problem::heldOut);
  }

  /** Every problem of a file, in the words that it is asked in. */
  public List<Problem> read(Path file) throws IOException {
    String template = promptTemplate.orElse(PROMPT);
    if (!template.contains(PROMPT)) {
      throw wrong(
          "--prompt-template \"%s\" has no {prompt}: say where the prompt goes"
              .formatted(template));
    }
    return Problem.read(file).stream()
        .map(each -> each.asked(template.replace(PROMPT, each.prompt())))
        .toList();
  }

  /**
   * The first of them, as many as asked for.
   *
   * @param otherwise how many if nothing was asked for
   */
  public List<Problem> first(List<Problem> problems, int otherwise) {
    int most = limit.orElse(otherwise);
    if (most < 1) {
      throw wrong("--limit " + most + " is invalid: use 1 or above");
    }
    return problems.subList(0, Math.min(most, problems.size()));
  }

  public Optional<String> promptTemplate() {
    return promptTemplate;
  }

  public Pattern answerPattern() {
    return answerOptions.pattern();
  }

  private ParameterException wrong(String complaint) {
    return new ParameterException(spec.commandLine(), complaint);
  }
}
