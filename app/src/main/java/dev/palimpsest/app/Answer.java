package dev.palimpsest.app;

import java.util.OptionalDouble;
import java.util.OptionalInt;

/**
 * How one request of a comparison was answered. Seconds count from its submission.
 *
 * @param right whether the text holds the problem's answer
 * @param promptTokens of the prompt in its template; of a server, if it reports them
 * @param tokens of the text, before its end-of-text token; what follows it does not count
 * @param forwards it took part in (NFE); not known of a server
 * @param toFirstSnapshot seconds to the end of its first forward; not known of a server
 * @param toFirstCommit seconds to its first committed token; of a server, to the first piece of
 *     text
 * @param gaps seconds from each step to the next; of a server, from each piece of text to the next
 * @param toComplete seconds to the end
 */
record Answer(
    boolean right,
    OptionalInt promptTokens,
    int tokens,
    OptionalInt forwards,
    OptionalDouble toFirstSnapshot,
    double toFirstCommit,
    double[] gaps,
    double toComplete) {

  /** Tokens of the text a second of its own. */
  double tokensPerSecond() {
    return tokens / toComplete;
  }
}
