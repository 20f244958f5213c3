package dev.palimpsest.app;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** What is wrong with a command line, and what would be right, in one sentence. */
final class WrongUsage {
  private WrongUsage() {}

  static String sentence(ParameterException e) {
    CommandSpec command = e.getCommandLine().getCommandSpec();
    String what =
        switch (e) {
          case UnmatchedArgumentException unmatched ->
              unmatched(command, unmatched.getUnmatched().getFirst());
          case ParameterException wrong
              when wrong.getArgSpec() != null && wrong.getValue() != null ->
              value(wrong, wrong.getArgSpec(), wrong.getValue());
          default -> String.valueOf(e.getMessage());
        };
    return what + " (see '" + command.qualifiedName() + " --help')";
  }

  private static String unmatched(CommandSpec command, String argument) {
    if (argument.startsWith("-")) {
      return option(command, argument);
    }
    if (!command.subcommands().isEmpty()) {
      return "'%s' is no command of %s%s"
          .formatted(
              argument,
              command.qualifiedName(),
              question(Suggestion.nearest(argument, command.subcommands().keySet())));
    }
    return "'"
        + argument
        + "' is one argument too many"
        + (takesPrompt(command) ? ": put a prompt with spaces in quotes" : "");
  }

  private static String option(CommandSpec command, String argument) {
    String name = argument.split("=", 2)[0];
    List<String> names =
        command.options().stream().flatMap(each -> Arrays.stream(each.names())).toList();
    Optional<String> meant = Suggestion.nearest(name, names);
    String dash =
        takesPrompt(command) && meant.isEmpty()
            ? ": write -- before a prompt that begins with a dash"
            : question(meant);
    return "'%s' is no option of %s%s".formatted(name, command.qualifiedName(), dash);
  }

  private static String question(Optional<String> meant) {
    return meant.map(name -> ": did you mean " + name + "?").orElse("");
  }

  private static boolean takesPrompt(CommandSpec command) {
    return command.positionalParameters().stream()
        .anyMatch(each -> each.paramLabel().equals("PROMPT"));
  }

  /** A value that is not of its option's type. */
  private static String value(ParameterException e, ArgSpec argument, String value) {
    String name =
        argument instanceof OptionSpec option ? option.longestName() : argument.paramLabel();
    Class<?> type = argument.auxiliaryTypes()[0];
    String remedy;
    if (argument.isMultiValue() && argument.auxiliaryTypes().length == 2) {
      remedy = "is invalid: use " + argument.paramLabel();
    } else if (type.isEnum()) {
      remedy = "is unknown: use " + names(type);
    } else if (List.of(int.class, Integer.class, long.class, Long.class).contains(type)) {
      remedy =
          value.matches("[-+]?[0-9]+") ? "has too many digits" : "is invalid: use a whole number";
    } else if (List.of(double.class, Double.class).contains(type)) {
      remedy = "is invalid: use a number";
    } else if (type == Pattern.class && e.getCause() instanceof PatternSyntaxException wrong) {
      remedy = "is no regular expression: " + wrong.getDescription();
    } else {
      return String.valueOf(e.getMessage());
    }
    return name + " " + (value.isEmpty() ? "''" : value) + " " + remedy;
  }

  private static String names(Class<?> type) {
    List<String> names =
        Arrays.stream(type.getEnumConstants())
            .map(each -> ((Enum<?>) each).name().toLowerCase(Locale.ROOT))
            .toList();
    int last = names.size() - 1;
    return String.join(", ", names.subList(0, last)) + " or " + names.get(last);
  }
}
