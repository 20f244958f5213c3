package dev.palimpsest.lab.battery;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The steps of a reasoning: its sentences. One ends with a full stop, an exclamation or a question
 * mark before white space or the end, or with its line; a token belongs to the sentence in which it
 * begins.
 */
final class Sentences {
  private static final Pattern END = Pattern.compile("[.!?]+[\"')\\]]*(?=\\s|$)|\\R");

  private Sentences() {}

  /**
   * Divides positions.
   *
   * @param positions ascending
   * @param piece the text of a position
   * @return their sentences in order; white space alone is none
   */
  static List<int[]> of(int[] positions, IntFunction<String> piece) {
    StringBuilder text = new StringBuilder();
    int[] starts = new int[positions.length];
    for (int index = 0; index < positions.length; index++) {
      starts[index] = text.length();
      text.append(piece.apply(positions[index]));
    }
    List<Integer> ends = new ArrayList<>();
    Matcher end = END.matcher(text);
    int from = 0;
    while (end.find()) {
      if (!text.substring(from, end.end()).isBlank() && !text.substring(end.end()).isBlank()) {
        ends.add(end.end());
        from = end.end();
      }
    }
    ends.add(Integer.MAX_VALUE);
    List<int[]> sentences = new ArrayList<>();
    int index = 0;
    for (int to : ends) {
      int first = index;
      while (index < positions.length && starts[index] < to) {
        index++;
      }
      if (index > first) {
        sentences.add(Arrays.copyOfRange(positions, first, index));
      }
    }
    return List.copyOf(sentences);
  }
}
