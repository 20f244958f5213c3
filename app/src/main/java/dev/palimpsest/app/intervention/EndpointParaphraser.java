package dev.palimpsest.app.intervention;

import dev.palimpsest.sampler.intervention.Paraphraser;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.concurrent.CancellationException;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * Asks a server that speaks OpenAI's chat completions for other words, at temperature 0.
 *
 * @param url of the endpoint, as {@code http://host/v1/chat/completions}
 * @param model its name for the model
 * @param keyVariable the environment variable that holds the key; empty to send none
 */
public record EndpointParaphraser(String url, String model, String keyVariable)
    implements Paraphraser {
  private static final String REQUEST =
      "Say the following in other words and keep every number. Answer with the new text alone.";
  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static final JsonMapper MAPPER = new JsonMapper();

  @Override
  public String name() {
    return "endpoint " + model;
  }

  @Override
  public String paraphrase(String text) {
    ObjectNode body = MAPPER.createObjectNode();
    body.put("model", model).put("temperature", 0);
    body.putArray("messages")
        .addObject()
        .put("role", "user")
        .put("content", REQUEST + "\n\n" + text);
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(url))
            .timeout(PATIENCE)
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(body.toString()));
    String key = keyVariable.isEmpty() ? null : System.getenv(keyVariable);
    if (key != null) {
      request.header("Authorization", "Bearer " + key);
    }
    try (HttpClient client = HttpClient.newHttpClient()) {
      HttpResponse<String> response =
          client.send(request.build(), HttpResponse.BodyHandlers.ofString());
      JsonNode content =
          MAPPER.readTree(response.body()).path("choices").path(0).path("message").path("content");
      if (response.statusCode() != 200 || !content.isString()) {
        throw new IOException("it answered " + response.statusCode() + " without a text");
      }
      return content.stringValue();
    } catch (IOException e) {
      throw new UncheckedIOException(url + ": no paraphrase: " + e.getMessage(), e);
    } catch (JacksonException e) {
      throw new UncheckedIOException(
          url + ": no paraphrase: the answer is not JSON", new IOException(e));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CancellationException("waiting for " + url + " was interrupted");
    }
  }
}
