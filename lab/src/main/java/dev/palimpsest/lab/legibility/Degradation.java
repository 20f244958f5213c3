package dev.palimpsest.lab.legibility;

import dev.palimpsest.sampler.trace.TextTrace;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;

/** What makes a text harder to read: a measure of legibility has to notice it. */
public enum Degradation {
  /** Its words in another order; a text of one kind of word stays as it is. */
  SHUFFLED {
    @Override
    public String of(String text, long seed) {
      List<String> words = new ArrayList<>(Arrays.asList(text.strip().split("\\s+")));
      List<String> before = List.copyOf(words);
      Random random = new Random(seed);
      boolean differs = before.stream().distinct().count() > 1;
      while (differs && words.equals(before)) {
        Collections.shuffle(words, random);
      }
      return String.join(" ", words);
    }
  },

  /** Three of ten characters masked, at least one, white space not counted. */
  MASKED {
    @Override
    public String of(String text, long seed) {
      int[] characters = text.codePoints().toArray();
      List<Integer> seen = new ArrayList<>();
      for (int at = 0; at < characters.length; at++) {
        if (!Character.isWhitespace(characters[at])) {
          seen.add(at);
        }
      }
      Collections.shuffle(seen, new Random(seed));
      int masked = Math.min(seen.size(), Math.max(1, Math.round(MASKED_SHARE * seen.size())));
      seen.subList(0, masked).forEach(at -> characters[at] = TextTrace.MASK);
      return new String(characters, 0, characters.length);
    }
  };

  private static final float MASKED_SHARE = 0.3f;

  /** A text made worse; the same seed makes it worse in the same way. */
  public abstract String of(String text, long seed);
}
