package dev.palimpsest.app.serve;

import static dev.palimpsest.app.serve.RunningServer.PROBLEM;
import static dev.palimpsest.app.serve.RunningServer.user;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** Many requests, good and bad, leave a server as it was. */
final class LoadTest {
  private static final String CHAT = "/v1/chat/completions";
  private static final List<String> PATHS =
      List.of(
          CHAT,
          "/v1/completions",
          "/v1/fim/completions",
          "/v1/edit/completions",
          "/v1/canvas",
          "/tokenize",
          "/detokenize");

  @TempDir private static Path traces;
  private static RunningServer server;

  @BeforeAll
  static void start() throws IOException {
    Limits limits = new Limits(16, 2000, 2048, 128, 100_000, Duration.ofMinutes(5), 8);
    server = new RunningServer("abacus-mdm", limits, ApiKeys.NONE, traces);
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(ints = 1)
  void aThousandRequestsAtRandomConcurrencyGetWhatTheyGetAlone(int seed) throws Exception {
    Random random = new Random(seed);
    List<Map<String, Object>> bodies = new ArrayList<>();
    List<JsonNode> alone = new ArrayList<>();
    for (int kind = 0; kind < 24; kind++) {
      bodies.add(body(kind));
      alone.add(server.ask(CHAT, bodies.getLast()).path("choices"));
    }
    Semaphore atOnce = new Semaphore(1 + random.nextInt(64));
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<Boolean>> same = new ArrayList<>();
      for (int request = 0; request < 1000; request++) {
        int kind = random.nextInt(bodies.size());
        boolean stream = random.nextInt(4) == 0;
        same.add(
            threads.submit(
                () -> {
                  atOnce.acquire();
                  try {
                    return stream
                        ? streamed(bodies.get(kind)).equals(content(alone.get(kind)))
                        : server
                            .ask(CHAT, bodies.get(kind))
                            .path("choices")
                            .equals(alone.get(kind));
                  } finally {
                    atOnce.release();
                  }
                }));
      }
      for (Future<Boolean> each : same) {
        assertThat(each.get()).isTrue();
      }
    }
  }

  private static Map<String, Object> body(int kind) {
    Map<String, Object> body = new HashMap<>();
    body.put("messages", List.of(user(PROBLEM.substring(0, 20 + kind))));
    body.put("sampler", List.of("llada", "dream", "remdm", "p2", "block").get(kind % 5));
    body.put("max_tokens", 4 + kind % 3 * 4);
    body.put("temperature", kind % 2);
    body.put("seed", kind);
    return body;
  }

  private static String streamed(Map<String, Object> body) throws Exception {
    Map<String, Object> stream = new HashMap<>(body);
    stream.put("stream", true);
    StringBuilder text = new StringBuilder();
    for (JsonNode chunk : server.stream(CHAT, stream)) {
      text.append(chunk.path("choices").path(0).path("delta").path("content").asString(""));
    }
    return text.toString();
  }

  private static String content(JsonNode choices) {
    return choices.path(0).path("message").path("content").asString();
  }

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(ints = {1, 2, 3})
  void malformedRequestsAreRefusedAndChangeNothing(int seed) throws Exception {
    malformed(seed, 150);
  }

  @Test
  @Tag("long")
  void tenThousandMalformedRequestsAreRefusedAndChangeNothing() throws Exception {
    malformed(4, 10_000);
  }

  @Test
  @Tag("long")
  void aBodyThatTricklesIsGivenUpAndTheNextRequestIsAnswered() throws Exception {
    Map<String, Object> good = body(3);
    JsonNode before = server.ask(CHAT, good).path("choices");
    try (Socket socket = server.connect()) {
      OutputStream out = socket.getOutputStream();
      out.write(
          ("POST " + CHAT + " HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
              .getBytes(StandardCharsets.UTF_8));
      for (int sent = 0; sent < 1000 && socket.getInputStream().available() == 0; sent++) {
        out.write(' ');
        Thread.sleep(200);
      }
      String answer = new String(socket.getInputStream().readNBytes(12), StandardCharsets.UTF_8);
      assertThat(answer).isEqualTo("HTTP/1.1 408");
    }
    assertThat(server.ask(CHAT, good).path("choices")).isEqualTo(before);
  }

  private static void malformed(int seed, int count) throws Exception {
    Random random = new Random(seed);
    Map<String, Object> good = body(7);
    JsonNode before = server.ask(CHAT, good).path("choices");
    try (ExecutorService threads = Executors.newFixedThreadPool(8)) {
      List<Future<?>> all = new ArrayList<>();
      for (int request = 0; request < count; request++) {
        long own = random.nextLong();
        all.add(
            threads.submit(
                () -> {
                  one(new Random(own));
                  return null;
                }));
      }
      for (Future<?> each : all) {
        try {
          each.get();
        } catch (ExecutionException e) {
          throw new AssertionError(e.getCause());
        }
      }
    }
    assertThat(server.ask(CHAT, good).path("choices")).isEqualTo(before);
  }

  /** One bad request: its body, or the way it is sent. */
  private static void one(Random random) throws Exception {
    String path = PATHS.get(random.nextInt(PATHS.size()));
    byte[] body = body(random).getBytes(StandardCharsets.UTF_8);
    switch (random.nextInt(8)) {
      case 0 -> raw(random, garbage(random));
      case 1 -> {
        if (body.length > 0) {
          body[random.nextInt(body.length)] = (byte) (0x80 + random.nextInt(0x80));
        }
        raw(random, request(path, body, body.length));
      }
      case 2 -> raw(random, request(path, body, body.length + 5)); // ends early
      case 3 ->
          raw(
              random,
              ("POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999" + "\r\n\r\n")
                  .getBytes(StandardCharsets.UTF_8));
      default -> {
        HttpResponse<String> response = server.post(path, new String(body, StandardCharsets.UTF_8));
        requireFault(response.statusCode(), response.body());
      }
    }
  }

  /** Whatever a random body asks for, it is no fault of the server's. */
  private static void requireFault(int status, String said) {
    assertThat(status).as(said).isBetween(200, 499);
    if (status >= 400) {
      assertThat(said).startsWith("{\"error\":{\"message\":\"");
    }
  }

  private static byte[] request(String path, byte[] body, int length) throws IOException {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    all.write(
        "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
            .formatted(path, length)
            .getBytes(StandardCharsets.UTF_8));
    all.write(body);
    return all.toByteArray();
  }

  private static byte[] garbage(Random random) {
    byte[] bytes = new byte[1 + random.nextInt(200)];
    random.nextBytes(bytes);
    return bytes;
  }

  private static void raw(Random random, byte[] bytes) throws IOException {
    try (Socket socket = server.connect()) {
      OutputStream out = socket.getOutputStream();
      int half = random.nextInt(bytes.length);
      out.write(bytes, 0, half);
      out.flush();
      out.write(bytes, half, bytes.length - half);
      out.flush();
      if (random.nextBoolean()) {
        return; // gone without an answer
      }
      socket.shutdownOutput();
      InputStream in = socket.getInputStream();
      String answer = new String(in.readAllBytes(), StandardCharsets.UTF_8);
      assertThat(answer).doesNotContain("HTTP/1.1 5");
    } catch (SocketException | SocketTimeoutException e) {
      if (e instanceof SocketTimeoutException) {
        throw e; // neither answered nor closed
      }
    }
  }

  /** A body that is JSON most of the time, of parameters that exist and values that do not fit. */
  private static String body(Random random) {
    List<String> names =
        List.of(
            "messages",
            "prompt",
            "max_tokens",
            "temperature",
            "stop",
            "n",
            "seed",
            "stream",
            "logprobs",
            "echo",
            "canvas",
            "at",
            "edits",
            "text",
            "length",
            "suffix",
            "sampler",
            "steps",
            "block_length",
            "tokens",
            "threshold",
            "model",
            "top_p",
            "trace",
            "step");
    StringBuilder body = new StringBuilder("{");
    int fields = random.nextInt(6);
    for (int field = 0; field < fields; field++) {
      body.append(field == 0 ? "" : ",")
          .append('"')
          .append(names.get(random.nextInt(names.size())))
          .append("\":")
          .append(value(random, 0));
    }
    body.append('}');
    if (random.nextInt(6) == 0) {
      body.setLength(random.nextInt(body.length()));
    }
    return body.toString();
  }

  private static String value(Random random, int depth) {
    return switch (random.nextInt(depth > 3 ? 9 : 12)) {
      case 0 -> "null";
      case 1 -> String.valueOf(random.nextBoolean());
      case 2 -> String.valueOf(random.nextInt(200) - 20);
      case 3 -> String.valueOf(random.nextLong());
      case 4 -> "1e" + random.nextInt(400);
      case 5 -> "9".repeat(1 + random.nextInt(300));
      case 6 -> "\"" + "a".repeat(random.nextInt(50)) + "\"";
      case 7 -> "\"\\ud800\\u0000<|end|>\"";
      case 8 -> String.valueOf(random.nextGaussian());
      case 9 -> "[" + value(random, depth + 1) + "," + value(random, depth + 1) + "]";
      case 10 -> "[".repeat(1 + random.nextInt(600));
      default ->
          "{\"role\":\"user\",\"content\":"
              + value(random, depth + 1)
              + ",\"mask\":"
              + value(random, depth + 1)
              + "}";
    };
  }
}
