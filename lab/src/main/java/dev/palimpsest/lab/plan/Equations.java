package dev.palimpsest.lab.plan;

import java.math.BigInteger;
import java.util.List;
import java.util.Optional;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/** Equations of two whole numbers, as {@code 24+13=37}. */
public final class Equations {
  static final Pattern EQUATION = Pattern.compile("(\\d+)([-+*])(\\d+)=(\\d+)");

  /** An equation all of which is known: a mask may be the rest of a number. */
  private static final Pattern WHOLE =
      Pattern.compile("(?<![\\d\\uFFFC])" + EQUATION + "(?![\\d\\uFFFC])");

  private Equations() {}

  /** {@code 24+13=37} to {@code 13+24=37}: sums and products with their terms exchanged. */
  static String exchanged(String text) {
    return EQUATION.matcher(text).replaceAll(match -> exchanged(match) + "=" + match.group(4));
  }

  private static String exchanged(MatchResult equation) {
    return equation.group(2).equals("-")
        ? equation.group(1) + "-" + equation.group(3)
        : equation.group(3) + equation.group(2) + equation.group(1);
  }

  /**
   * {@code 24+13=39} to {@code 13+24=37}: terms exchanged, and the result that they have where it
   * is as long as the one that stands there.
   */
  static String read(String text) {
    return EQUATION
        .matcher(text)
        .replaceAll(
            match -> {
              String result = result(match).toString();
              return exchanged(match)
                  + "="
                  + (result.matches("\\d{%d}".formatted(match.group(4).length()))
                      ? result
                      : match.group(4));
            });
  }

  /** Whether an equation holds. */
  static boolean holds(MatchResult equation) {
    return result(equation).equals(new BigInteger(equation.group(4)));
  }

  /**
   * Whether a text has an equation that does not hold. One beside what is not known yet, {@code
   * U+FFFC}, is none.
   */
  public static boolean hasFalse(String text) {
    return WHOLE.matcher(text).results().anyMatch(equation -> !holds(equation));
  }

  private static BigInteger result(MatchResult equation) {
    BigInteger left = new BigInteger(equation.group(1));
    BigInteger right = new BigInteger(equation.group(3));
    return switch (equation.group(2)) {
      case "+" -> left.add(right);
      case "-" -> left.subtract(right);
      default -> left.multiply(right);
    };
  }

  /**
   * An equation in a text.
   *
   * @param terms the two numbers on its left
   * @param result the number on its right
   * @param resultFrom where that begins in the text
   * @param to where it ends
   */
  public record Found(List<String> terms, String result, int resultFrom, int to) {
    /** The last of some equations before it whose result is one of its terms. */
    public Optional<Found> dependsOn(List<Found> before) {
      return before.reversed().stream().filter(each -> terms.contains(each.result)).findFirst();
    }
  }

  /** The equations of a text, from left to right. */
  public static List<Found> all(String text) {
    return EQUATION
        .matcher(text)
        .results()
        .map(
            match ->
                new Found(
                    List.of(match.group(1), match.group(3)),
                    match.group(4),
                    match.start(4),
                    match.end(4)))
        .toList();
  }
}
