package dev.palimpsest.app.intervention;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

final class EndpointTest {
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

  @Test
  void aServerIsAskedOnceWhetherATextHasAMistake() throws IOException {
    assertThat(flagged("Yes, the sum.")).isTrue();
    assertThat(flagged("no")).isFalse();
    assertThatThrownBy(() -> asked(500, "{}", EndpointTest::isFlagged))
        .isInstanceOf(UncheckedIOException.class)
        .hasMessageContaining("no verdict: it answered 500 without a text");
  }

  private static boolean flagged(String answer) throws IOException {
    String json = "{\"choices\":[{\"message\":{\"content\":\"%s\"}}]}".formatted(answer);
    return asked(200, json, EndpointTest::isFlagged);
  }

  private static boolean isFlagged(String url) {
    EndpointMonitor monitor = new EndpointMonitor(new ChatEndpoint(url, "any", ""));
    boolean flags = monitor.flags("2 apples");
    assertThat(monitor.said()).containsExactly(Map.entry("2 apples", flags));
    monitor.said().put("2 apples", !flags);
    assertThat(monitor.flags("2 apples")).as("not asked again").isEqualTo(!flags);
    return flags;
  }

  private static String paraphrased(int status, String answer) throws IOException {
    return asked(
        status, answer, url -> new EndpointParaphraser(url, "any", "").paraphrase("2 apples"));
  }

  /** What comes of asking a server that answers so about "2 apples". */
  private static <T> T asked(int status, String answer, Function<String, T> what)
      throws IOException {
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
      return what.apply(url);
    } finally {
      server.stop(0);
    }
  }
}
