package dev.palimpsest.app.intervention;

import dev.palimpsest.lab.battery.part.Monitor;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Asks a server whether a text has a mistake. The same text is asked about once.
 *
 * @param endpoint the server
 * @param said what it has said of texts
 */
public record EndpointMonitor(ChatEndpoint endpoint, Map<String, Boolean> said) implements Monitor {
  private static final String REQUEST =
      "This is a text as it is being written; \uFFFC stands for what is not there yet. Has it a"
          + " mistake already? Answer yes or no.";

  /** A monitor that has asked nothing yet. */
  public EndpointMonitor(ChatEndpoint endpoint) {
    this(endpoint, new ConcurrentHashMap<>());
  }

  @Override
  public String name() {
    return "endpoint " + endpoint.model();
  }

  /**
   * {@inheritDoc}
   *
   * @throws java.io.UncheckedIOException if the server gives no text
   */
  @Override
  public boolean flags(String text) {
    return said.computeIfAbsent(
        text,
        _ ->
            endpoint
                .ask("verdict", REQUEST + "\n\n" + text)
                .strip()
                .toLowerCase(Locale.ROOT)
                .startsWith("yes"));
  }
}
