package dev.palimpsest.app;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A server with OpenAI's chat completions, streamed and timed from the outside: network and the
 * server's own queue count. Its tokens are those that it reports as {@code usage}; its forwards
 * cannot be seen.
 */
final class EndpointRace implements Race {
  private static final Duration TIMEOUT = Duration.ofMinutes(10);
  private static final String DATA = "data:";
  private static final String DONE = "[DONE]";
  private static final int LONGEST_COMPLAINT = 200;

  private final Contestant.Endpoint endpoint;
  private final HttpClient client;
  private final JsonMapper mapper = new JsonMapper();

  EndpointRace(Contestant.Endpoint endpoint, HttpClient client) {
    this.endpoint = endpoint;
    this.client = client;
  }

  @Override
  public Result run(List<Problem> problems, int concurrency) {
    long started = System.nanoTime();
    List<Answer> answers = new ArrayList<>();
    try (ExecutorService requests = Executors.newFixedThreadPool(concurrency)) {
      List<Future<Answer>> pending =
          problems.stream().map(problem -> requests.submit(() -> ask(problem))).toList();
      for (Future<Answer> each : pending) {
        try {
          answers.add(each.get());
        } catch (ExecutionException e) {
          requests.shutdownNow();
          throw e.getCause() instanceof RuntimeException cause
              ? cause
              : new IllegalStateException(e);
        } catch (InterruptedException e) {
          requests.shutdownNow();
          Thread.currentThread().interrupt();
          throw new CancellationException("the comparison was interrupted");
        }
      }
    }
    return new Result(answers, (System.nanoTime() - started) / 1e9);
  }

  private Answer ask(Problem problem) throws InterruptedException {
    String body =
        mapper.writeValueAsString(
            Map.of(
                "model", endpoint.model(),
                "messages", List.of(Map.of("role", "user", "content", problem.prompt())),
                "max_tokens", endpoint.maxTokens(),
                "temperature", endpoint.temperature(),
                "stream", true,
                "stream_options", Map.of("include_usage", true)));
    HttpRequest request =
        HttpRequest.newBuilder(
                endpoint.base().resolve(endpoint.base().getPath() + "/chat/completions"))
            .header("Content-Type", "application/json")
            .header("Accept", "text/event-stream")
            .timeout(TIMEOUT)
            .POST(HttpRequest.BodyPublishers.ofString(body))
            .build();
    long started = System.nanoTime();
    try {
      HttpResponse<Stream<String>> response =
          client.send(request, HttpResponse.BodyHandlers.ofLines());
      try (Stream<String> lines = response.body()) {
        if (response.statusCode() != 200) {
          String said = String.join(" ", lines.limit(20).toList());
          throw failure(
              "answered with status "
                  + response.statusCode()
                  + ": "
                  + said.substring(0, Math.min(said.length(), LONGEST_COMPLAINT)));
        }
        return read(problem, lines.iterator(), started);
      }
    } catch (ConnectException e) {
      throw new UncheckedIOException(
          "the endpoint " + endpoint.base() + " accepts no connection: start its server first", e);
    } catch (IOException e) {
      throw new UncheckedIOException(
          "the endpoint " + endpoint.base() + " cannot be read: " + e, e);
    } catch (UncheckedIOException e) {
      throw new UncheckedIOException(
          "the endpoint " + endpoint.base() + " cannot be read: " + e.getCause(), e.getCause());
    }
  }

  private Answer read(Problem problem, Iterator<String> lines, long started) {
    StringBuilder text = new StringBuilder();
    long first = 0;
    int tokens = -1;
    boolean done = false;
    while (!done && lines.hasNext()) {
      String line = lines.next();
      if (!line.startsWith(DATA)) {
        continue;
      }
      String data = line.substring(DATA.length()).strip();
      done = data.equals(DONE);
      if (!done) {
        JsonNode event = parse(data);
        String piece = event.path("choices").path(0).path("delta").path("content").asString("");
        if (!piece.isEmpty() && text.isEmpty()) {
          first = System.nanoTime();
        }
        text.append(piece);
        JsonNode usage = event.path("usage").path("completion_tokens");
        tokens = usage.isInt() ? usage.intValue() : tokens;
      }
    }
    long ended = System.nanoTime();
    if (!done) {
      throw failure("ended its stream without " + DONE);
    }
    if (tokens < 0) {
      throw failure(
          "reported no usage.completion_tokens, so its tokens cannot be counted;"
              + " a server with stream_options.include_usage is needed");
    }
    return new Answer(
        problem.isAnsweredBy(text.toString()),
        tokens,
        OptionalInt.empty(),
        OptionalDouble.empty(),
        ((text.isEmpty() ? ended : first) - started) / 1e9,
        (ended - started) / 1e9);
  }

  private JsonNode parse(String data) {
    try {
      return mapper.readTree(data);
    } catch (JacksonException e) {
      throw failure("sent an event that is no JSON: " + data);
    }
  }

  private UncheckedIOException failure(String what) {
    String message = "the endpoint " + endpoint.base() + " " + what;
    return new UncheckedIOException(message, new IOException(message));
  }
}
