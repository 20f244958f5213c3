package dev.palimpsest.app.intervention;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Asks a server how well a text can be read, from 0 to 4. The same text is asked about once.
 *
 * @param endpoint the server
 * @param said what it has said of texts
 */
public record EndpointJudge(ChatEndpoint endpoint, Map<String, Integer> said) {
  /** What it is asked before the text; whoever reports its numbers names the checksum of this. */
  public static final String REQUEST =
      "Below is a text as it stands while it is being written; ░ stands for what is not there yet."
          + " Judge only how well a reader can follow it, not whether it is right. 0: nothing in it"
          + " can be understood. 1: single words. 2: parts of sentences or of a calculation. 3: all"
          + " but a few places. 4: all of it. Answer with the number alone.";

  private static final Pattern VERDICT = Pattern.compile("\\s*([0-4])\\b(?s:.*)");

  /** A judge that has asked nothing yet. */
  public EndpointJudge(ChatEndpoint endpoint) {
    this(endpoint, new ConcurrentHashMap<>());
  }

  /**
   * Its verdict.
   *
   * @throws UncheckedIOException if the server gives no number
   */
  public int legibility(String text) {
    return said.computeIfAbsent(text, this::ask);
  }

  private int ask(String text) {
    String answer = endpoint.ask("verdict", REQUEST + "\n\n" + text);
    Matcher verdict = VERDICT.matcher(answer);
    if (!verdict.matches()) {
      throw new UncheckedIOException(
          new IOException(
              "%s: no verdict: it answered \"%s\", and a number from 0 to 4 is asked for"
                  .formatted(endpoint.url(), answer.strip())));
    }
    return Integer.parseInt(verdict.group(1));
  }
}
