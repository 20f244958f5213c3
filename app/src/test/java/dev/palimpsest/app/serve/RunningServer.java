package dev.palimpsest.app.serve;

import dev.palimpsest.api.LanguageModel;
import dev.palimpsest.app.terminal.Cli;
import dev.palimpsest.engine.Compute;
import dev.palimpsest.engine.LoadOptions;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.step.Denoiser;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A server of a bundled model, and a client of it. */
final class RunningServer implements AutoCloseable {
  static final JsonMapper JSON = new JsonMapper();
  static final String PROBLEM =
      "Leo has 31 pens. First he finds 5 more. How many pens does Leo have now?";

  private final LanguageModel language;
  private final ModelServer server;
  private final HttpClient client = HttpClient.newHttpClient();

  RunningServer(String model, Limits limits, ApiKeys keys, Path traces) throws IOException {
    this(model, limits, keys, traces, denoiser -> denoiser);
  }

  RunningServer(
      String model, Limits limits, ApiKeys keys, Path traces, UnaryOperator<Denoiser> around)
      throws IOException {
    Path folder = Cli.home().resolve("models").resolve(model);
    language = LanguageModel.load(folder, LoadOptions.on(Compute.onHost(Precision.F32, 1)));
    server =
        new ModelServer(
            language,
            around.apply(language.model().transformer()),
            folder,
            List.of(model, "alias"),
            limits,
            keys,
            traces,
            "127.0.0.1",
            0);
    server.start();
  }

  ModelServer server() {
    return server;
  }

  LanguageModel language() {
    return language;
  }

  HttpResponse<String> post(String path, String body) throws IOException, InterruptedException {
    return send(request(path).POST(HttpRequest.BodyPublishers.ofString(body)));
  }

  HttpResponse<String> get(String path) throws IOException, InterruptedException {
    return send(request(path).GET());
  }

  HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(
            URI.create("http://127.0.0.1:%d%s".formatted(server.address().getPort(), path)))
        .timeout(Duration.ofMinutes(2));
  }

  HttpResponse<String> send(HttpRequest.Builder request) throws IOException, InterruptedException {
    return client.send(request.build(), HttpResponse.BodyHandlers.ofString());
  }

  /** An answer whose body is read as it comes. */
  HttpResponse<InputStream> open(HttpRequest request) throws IOException, InterruptedException {
    return client.send(request, HttpResponse.BodyHandlers.ofInputStream());
  }

  /** The answer to a request that is right. */
  JsonNode ask(String path, Map<String, ?> body) throws IOException, InterruptedException {
    HttpResponse<String> response = post(path, JSON.writeValueAsString(body));
    if (response.statusCode() != 200) {
      throw new AssertionError(response.statusCode() + " " + response.body());
    }
    return JSON.readTree(response.body());
  }

  /** The chunks of a stream, without its last event. */
  List<JsonNode> stream(String path, Map<String, ?> body) throws IOException, InterruptedException {
    List<String> events = List.of(post(path, JSON.writeValueAsString(body)).body().split("\n\n"));
    if (!events.getLast().equals("data: [DONE]")) {
      throw new AssertionError("the stream ends with " + events.getLast());
    }
    return events.subList(0, events.size() - 1).stream()
        .map(each -> JSON.readTree(each.substring("data: ".length())))
        .toList();
  }

  /** A connection on which anything can be sent. */
  Socket connect() throws IOException {
    Socket socket = new Socket();
    socket.connect(
        new InetSocketAddress(InetAddress.getLoopbackAddress(), server.address().getPort()));
    socket.setSoTimeout(60_000);
    return socket;
  }

  static Map<String, Object> user(String text) {
    return Map.of("role", "user", "content", text);
  }

  @Override
  public void close() {
    server.close();
    language.close();
    client.close();
  }
}
