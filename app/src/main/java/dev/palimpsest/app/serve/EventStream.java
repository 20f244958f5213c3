package dev.palimpsest.app.serve;

import dev.palimpsest.app.openai.RequestException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Response;
import tools.jackson.databind.JsonNode;

/** An answer in server-sent events, each of which is JSON. */
final class EventStream {
  private final Response response;

  EventStream(Response response) {
    this.response = response;
  }

  /** Sends an event; waits while the client is slow. */
  void send(JsonNode event) throws IOException {
    write(false, "data: " + event + "\n\n");
  }

  /** Ends the stream as OpenAI does. */
  void end() throws IOException {
    write(true, "data: [DONE]\n\n");
  }

  /** Ends the stream with an error. */
  void fail(RequestException error) throws IOException {
    write(true, "data: " + error.body() + "\n\n");
  }

  private void write(boolean last, String text) throws IOException {
    Content.Sink.write(response, last, ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8)));
  }
}
