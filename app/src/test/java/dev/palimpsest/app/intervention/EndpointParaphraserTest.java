package dev.palimpsest.app.intervention;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

final class EndpointParaphraserTest {
  @Test
  void aServerIsAskedForOtherWords() throws IOException {
    assertThat(paraphrased(200, "{\"choices\":[{\"message\":{\"content\":\"two figs\"}}]}"))
        .isEqualTo("two figs");
  }

  @Test
  void whatIsNoAnswerIsNamed() {
    assertThatThrownBy(() -> paraphrased(500, "{}"))
        .isInstanceOf(UncheckedIOException.class)
        .hasMessageContaining("it answered 500 without a text");
    assertThatThrownBy(() -> paraphrased(200, "two figs"))
        .isInstanceOf(UncheckedIOException.class)
        .hasMessageContaining("the answer is not JSON");
  }

  /** What a server that answers so makes of "2 apples". */
  private static String paraphrased(int status, String answer) throws IOException {
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext(
        "/",
        exchange -> {
          String asked =
              new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
          byte[] bytes = answer.getBytes(StandardCharsets.UTF_8);
          exchange.sendResponseHeaders(asked.contains("2 apples") ? status : 400, bytes.length);
          exchange.getResponseBody().write(bytes);
          exchange.close();
        });
    server.start();
    try {
      String url = "http://localhost:" + server.getAddress().getPort() + "/v1/chat/completions";
      return new EndpointParaphraser(url, "any", "").paraphrase("2 apples");
    } finally {
      server.stop(0);
    }
  }
}
