package dev.palimpsest.app.options;

import dev.palimpsest.lab.answer.Spans;
import java.util.Optional;
import java.util.regex.Pattern;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The one rule by which every command finds the answer in a text. */
public final class AnswerOptions {
  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  @Option(
      names = {"--answer-pattern", "--answer"},
      paramLabel = "REGEX",
      description =
          "Finds the answer in a text: its one group, where it matches last, as in '#### (\\S+)'. If"
              + " not given, what follows the last \"Answer:\" to the end of its line.")
  private Optional<Pattern> pattern;

  public boolean isGiven() {
    return pattern.isPresent();
  }

  /** The pattern, with exactly one group. */
  public Pattern pattern() {
    Pattern chosen = pattern.orElse(Spans.ANSWER);
    int groups = chosen.matcher("").groupCount();
    if (groups != 1) {
      throw new ParameterException(
          spec.commandLine(),
          "--answer-pattern %s has %d groups: use exactly one, around the answer"
              .formatted(chosen, groups));
    }
    return chosen;
  }
}
