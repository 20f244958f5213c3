package dev.palimpsest.app.openai;

import dev.palimpsest.engine.text.Tokenizer;
import java.util.Arrays;
import java.util.List;

/**
 * A text that grows token by token and gives out only what no later token changes: the end of an
 * incomplete character waits, and so does what may be the beginning of a stop string. What is given
 * out, put together, is the text.
 */
public final class GrowingText {
  private static final char INCOMPLETE = '\uFFFD';

  private final Tokenizer tokenizer;
  private final List<String> stops;
  private int[] tokens = new int[16];
  private int count;

  /** Tokens that are decoded together with new ones, since a decoder may look at its neighbours. */
  private int context;

  /** Tokens whose text is in {@code text}. */
  private int read;

  private final StringBuilder text = new StringBuilder();
  private int given;
  private boolean stopped;

  /**
   * An empty text.
   *
   * @param stops strings that end it before them
   */
  public GrowingText(Tokenizer tokenizer, List<String> stops) {
    this.tokenizer = tokenizer;
    this.stops = stops;
  }

  /** Tokens that were added before the text ended. */
  public int tokens() {
    return count;
  }

  /** Whether the text has ended before a stop string. */
  public boolean isStopped() {
    return stopped;
  }

  /** Characters that were given out. */
  public int given() {
    return given;
  }

  /** Everything that was given out. */
  public String whole() {
    return text.substring(0, given);
  }

  /** Adds a token; after a stop string it is left out. */
  public void add(int token) {
    if (stopped) {
      return;
    }
    if (count == tokens.length) {
      tokens = Arrays.copyOf(tokens, 2 * count);
    }
    tokens[count++] = token;
    String known = decode(context, read);
    String longer = decode(context, count);
    if (longer.length() > known.length()
        && longer.charAt(longer.length() - 1) != INCOMPLETE
        && longer.startsWith(known)) {
      append(longer.substring(known.length()));
    }
  }

  /** What can be given out now and was not before. */
  public String take() {
    int end = stopped ? text.length() : text.length() - heldBack();
    String part = text.substring(given, end);
    given = end;
    return part;
  }

  /** The rest, now that no token follows. */
  public String finish() {
    if (!stopped && read < count) {
      String known = decode(context, read);
      String longer = decode(context, count);
      append(longer.startsWith(known) ? longer.substring(known.length()) : longer);
    }
    String part = text.substring(given);
    given = text.length();
    return part;
  }

  private void append(String more) {
    int from = Math.max(given, text.length() - longestStop());
    text.append(more);
    context = read;
    read = count;
    int end = Integer.MAX_VALUE;
    for (String stop : stops) {
      int at = text.indexOf(stop, from);
      if (at >= 0) {
        end = Math.min(end, at);
      }
    }
    if (end < Integer.MAX_VALUE) {
      text.setLength(end);
      stopped = true;
    }
  }

  private int longestStop() {
    return stops.stream().mapToInt(String::length).max().orElse(0);
  }

  /** The length of the longest end of the text that a stop string begins with. */
  private int heldBack() {
    int most = 0;
    for (String stop : stops) {
      for (int length = Math.min(stop.length() - 1, text.length() - given);
          length > most;
          length--) {
        if (text.substring(text.length() - length).equals(stop.substring(0, length))) {
          most = length;
        }
      }
    }
    return most;
  }

  private String decode(int from, int to) {
    return tokenizer.decode(Arrays.copyOfRange(tokens, from, to), true);
  }
}
