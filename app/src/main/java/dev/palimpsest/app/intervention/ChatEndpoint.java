package dev.palimpsest.app.intervention;

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
 * A server that speaks OpenAI's chat completions, asked at temperature 0.
 *
 * @param url of the endpoint, as {@code http://host/v1/chat/completions}
 * @param model its name for the model
 * @param keyVariable the environment variable that holds the key; empty to send none
 */
public record ChatEndpoint(String url, String model, String keyVariable) {
  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static final JsonMapper MAPPER = new JsonMapper();

  /**
   * Its answer to a message.
   *
   * @param what is asked for, for the sentence that it did not come
   * @throws UncheckedIOException if it gives no text
   */
  String ask(String what, String message) {
    ObjectNode body = MAPPER.createObjectNode();
    body.put("model", model).put("temperature", 0);
    body.putArray("messages").addObject().put("role", "user").put("content", message);
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
      throw new UncheckedIOException(url + ": no " + what + ": " + e.getMessage(), e);
    } catch (JacksonException e) {
      throw new UncheckedIOException(
          url + ": no " + what + ": the answer is not JSON", new IOException(e));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CancellationException("waiting for " + url + " was interrupted");
    }
  }
}
