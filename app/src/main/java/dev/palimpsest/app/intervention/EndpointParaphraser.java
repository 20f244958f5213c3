package dev.palimpsest.app.intervention;

import dev.palimpsest.sampler.intervention.Paraphraser;

/**
 * Asks a server for other words.
 *
 * @param endpoint the server
 */
public record EndpointParaphraser(ChatEndpoint endpoint) implements Paraphraser {
  private static final String REQUEST =
      "Say the following in other words and keep every number. Answer with the new text alone.";

  /**
   * A paraphraser.
   *
   * @param url of the endpoint, as {@code http://host/v1/chat/completions}
   * @param model its name for the model
   * @param keyVariable the environment variable that holds the key; empty to send none
   */
  public EndpointParaphraser(String url, String model, String keyVariable) {
    this(new ChatEndpoint(url, model, keyVariable));
  }

  @Override
  public String name() {
    return "endpoint " + endpoint.model();
  }

  @Override
  public String paraphrase(String text) {
    return endpoint.ask("paraphrase", REQUEST + "\n\n" + text);
  }
}
