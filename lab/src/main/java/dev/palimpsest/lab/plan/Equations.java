package dev.palimpsest.lab.plan;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Equations of two whole numbers, as {@code 24+13=37}. */
final class Equations {
  static final Pattern EQUATION = Pattern.compile("(\\d+)([-+*])(\\d+)=(\\d+)");

  private Equations() {}

  /** {@code 24+13=37} to {@code 13+24=37}: sums and products with their terms exchanged. */
  static String exchanged(String text) {
    return EQUATION
        .matcher(text)
        .replaceAll(
            match ->
                match.group(2).equals("-")
                    ? match.group()
                    : match.group(3) + match.group(2) + match.group(1) + "=" + match.group(4));
  }

  /** Whether an equation holds. */
  static boolean holds(Matcher equation) {
    long left = Long.parseLong(equation.group(1));
    long right = Long.parseLong(equation.group(3));
    long result =
        switch (equation.group(2)) {
          case "+" -> left + right;
          case "-" -> left - right;
          default -> left * right;
        };
    return result == Long.parseLong(equation.group(4));
  }
}
