package dev.palimpsest.lab.plan;

import dev.palimpsest.sampler.intervention.Paraphraser;

/** Where a server is asked for other words. */
@FunctionalInterface
public interface EndpointParaphrasers {
  /**
   * A paraphraser that asks a server.
   *
   * @param url of the endpoint, as {@code http://host/v1/chat/completions}
   * @param model its name for the model
   * @param keyVariable the environment variable that holds the key; empty to send none
   */
  Paraphraser at(String url, String model, String keyVariable);
}
