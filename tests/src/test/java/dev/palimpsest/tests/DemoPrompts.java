package dev.palimpsest.tests;

import java.util.List;

/** Problems for the demo models, and their ids: where a GPU is tested there is no tokenizer. */
final class DemoPrompts {
  static final List<String> TEXTS =
      List.of(
          "Maya has 24 marbles. First she buys 7 more. How many marbles does Maya have now?",
          "Omar has 9 coins. First he loses 4 of them. How many coins does Omar have now?",
          "Lena has 12 shells. First she finds 30 more. How many shells does Lena have now?",
          "Ivan has 50 stamps. First he gives away 8 of them. How many stamps does Ivan have now?");

  private static final int[][] IDS = {
    {1, 74, 24, 20, 7, 9, 90, 21, 58, 69, 34, 20, 12, 35, 21, 51, 52, 90, 53, 74, 54, 55, 23, 2},
    {1, 82, 24, 20, 14, 91, 21, 58, 70, 43, 20, 9, 33, 50, 21, 51, 52, 91, 53, 82, 54, 55, 23, 2},
    {1, 76, 24, 20, 6, 7, 95, 21, 58, 69, 36, 20, 8, 5, 35, 21, 51, 52, 95, 53, 76, 54, 55, 23, 2},
    {
      1, 86, 24, 20, 10, 5, 92, 21, 58, 70, 39, 48, 20, 13, 33, 50, 21, 51, 52, 92, 53, 86, 54, 55,
      23, 2
    },
  };

  private DemoPrompts() {}

  /** The ids of {@link #TEXTS}, in the models' chat template. */
  static List<int[]> ids() {
    return List.of(IDS);
  }
}
