package dev.palimpsest.app.serve;

import java.io.IOException;

/** What answers the requests of a path. */
@FunctionalInterface
interface Route {
  /**
   * Answers one request, on a virtual thread of its own.
   *
   * @throws dev.palimpsest.app.openai.RequestException if it gets an error for an answer
   * @throws IOException if the client has gone
   */
  void answer(Exchange exchange) throws IOException;
}
