package dev.palimpsest.app;

import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** What somebody who mistyped a name may have meant. */
final class Suggestion {
  private Suggestion() {}

  /**
   * The name that is fewest slips away (optimal string alignment: a character too much, too few,
   * wrong, or two exchanged), at most one slip for three characters; else the only name that begins
   * like this.
   */
  static Optional<String> nearest(String typed, Collection<String> names) {
    String word = typed.toLowerCase(Locale.ROOT);
    Optional<String> near =
        names.stream()
            .filter(name -> slips(word, name) <= Math.max(1, letters(word) / 3))
            .min(Comparator.comparingInt(name -> slips(word, name)));
    List<String> longer = names.stream().filter(name -> name.startsWith(word)).toList();
    return near.isEmpty() && longer.size() == 1 && letters(word) > 1
        ? Optional.of(longer.getFirst())
        : near;
  }

  private static int letters(String word) {
    return word.replace("-", "").length();
  }

  private static int slips(String from, String to) {
    int[][] cost = new int[from.length() + 1][to.length() + 1];
    for (int i = 0; i <= from.length(); i++) {
      for (int j = 0; j <= to.length(); j++) {
        cost[i][j] = i == 0 ? j : j == 0 ? i : cost(cost, from, to, i, j);
      }
    }
    return cost[from.length()][to.length()];
  }

  private static int cost(int[][] cost, String from, String to, int i, int j) {
    int wrong = from.charAt(i - 1) == to.charAt(j - 1) ? 0 : 1;
    int least = Math.min(cost[i - 1][j - 1] + wrong, Math.min(cost[i - 1][j], cost[i][j - 1]) + 1);
    boolean exchanged =
        i > 1
            && j > 1
            && from.charAt(i - 1) == to.charAt(j - 2)
            && from.charAt(i - 2) == to.charAt(j - 1);
    return exchanged ? Math.min(least, cost[i - 2][j - 2] + 1) : least;
  }
}
