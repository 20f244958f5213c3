package dev.palimpsest.app.compare;

import dev.palimpsest.api.SerialDepth;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.stream.IntStream;

/**
 * How one request of a comparison was answered. Seconds count from its submission. The text ends
 * before its end-of-text token; what follows it does not count.
 *
 * @param id of the problem
 * @param right whether the text holds the problem's answer
 * @param promptTokens of the prompt in its template; of a server, if it reports them
 * @param textTokens of the text
 * @param nfe forwards it took part in; not known of a server
 * @param idleSteps its steps without a forward; not known of a server
 * @param blockSteps its steps with a forward, of each block or canvas in order; none of a server
 * @param depth its serial depth; not known of a server
 * @param secondsToFirstSnapshot to the end of its first step; not known of a server
 * @param secondsToFirstTextToken to the first step that filled a position of the text, wherever in
 *     it; of a server, to the first piece of text; none if the text is empty
 * @param secondsToComplete to the end
 * @param stepMicros from each step to the next; of a server, from each piece of text to the next
 */
record Answer(
    String id,
    boolean right,
    OptionalInt promptTokens,
    int textTokens,
    OptionalInt nfe,
    OptionalInt idleSteps,
    List<Integer> blockSteps,
    Optional<SerialDepth> depth,
    OptionalDouble secondsToFirstSnapshot,
    OptionalDouble secondsToFirstTextToken,
    double secondsToComplete,
    int[] stepMicros) {

  /** Copies the list. */
  Answer {
    blockSteps = List.copyOf(blockSteps);
  }

  /** Microseconds from each moment to the next. */
  static int[] micros(long[] nanos) {
    return IntStream.range(1, nanos.length)
        .map(step -> (int) Math.round((nanos[step] - nanos[step - 1]) / 1e3))
        .toArray();
  }

  /** Tokens of the text a second of its own. */
  double tokensPerSecond() {
    return textTokens / secondsToComplete;
  }
}
