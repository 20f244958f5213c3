package dev.palimpsest.app.serve;

import java.time.Duration;

/**
 * What a server takes.
 *
 * @param running texts that are written at once
 * @param waiting texts that may wait for that
 * @param forwardTokens bound on the tokens of a forward, all texts together
 * @param genLength most positions that a request may ask to be filled
 * @param bodyBytes largest body of a request
 * @param time longest time for a request, waiting included
 * @param traces most traces that are kept
 */
record Limits(
    int running,
    int waiting,
    long forwardTokens,
    int genLength,
    int bodyBytes,
    Duration time,
    int traces) {
  /** What holds if nothing is said. */
  static final Limits DEFAULTS =
      new Limits(64, 256, 16_384, 32_768, 4 << 20, Duration.ofMinutes(10), 256);
}
