package dev.palimpsest.sampler.intervention;

import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Says a text in other words. */
public interface Paraphraser {
  /** What it is called in a trace. */
  String name();

  /** The text in other words, or as it was. */
  String paraphrase(String text);

  /** Changes nothing: the control. */
  record Identity() implements Paraphraser {
    @Override
    public String name() {
      return "identity";
    }

    @Override
    public String paraphrase(String text) {
      return text;
    }
  }

  /**
   * Puts words in place of words.
   *
   * @param words the new by the old, whole words as they are written
   */
  record Synonyms(Map<String, String> words) implements Paraphraser {
    private static final Pattern WORD = Pattern.compile("\\p{L}+");

    /** Takes its own copy. */
    public Synonyms {
      words = Map.copyOf(words);
    }

    @Override
    public String name() {
      return "synonyms";
    }

    @Override
    public String paraphrase(String text) {
      return WORD.matcher(text)
          .replaceAll(
              match -> Matcher.quoteReplacement(words.getOrDefault(match.group(), match.group())));
    }
  }
}
