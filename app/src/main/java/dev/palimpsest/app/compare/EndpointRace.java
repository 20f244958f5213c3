package dev.palimpsest.app.compare;

import dev.palimpsest.api.HandedOn;
import dev.palimpsest.app.file.Problem;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.nio.channels.UnresolvedAddressException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Pattern;
import tools.jackson.databind.json.JsonMapper;

/**
 * A server with OpenAI's chat completions, streamed and timed from the outside: network and the
 * server's own queue count. Its tokens are those that it reports as {@code usage}; its forwards
 * cannot be seen.
 *
 * <p>A key is read from the environment for each request's header, and taken out of whatever the
 * server complains about.
 */
final class EndpointRace implements Race {
  private static final Duration CONNECT = Duration.ofSeconds(10);
  private static final int LONGEST_GREETING_SECONDS = 10;
  private static final int UNAUTHORIZED = 401;
  private static final int FORBIDDEN = 403;

  private final Contestant.Endpoint endpoint;
  private final HttpClient client = HttpClient.newBuilder().connectTimeout(CONNECT).build();
  private final Pattern pattern;
  private final Optional<String> key;
  private final JsonMapper mapper = new JsonMapper();

  EndpointRace(Contestant.Endpoint endpoint, Pattern pattern) {
    this.endpoint = endpoint;
    this.pattern = pattern;
    key = endpoint.keyVariable().map(System::getenv);
  }

  /**
   * Checks that there is a server, and that it accepts the key as far as it says: whatever it
   * answers about its models but a refusal is good enough.
   *
   * @throws UncheckedIOException in a sentence, if not
   */
  void requireServer() {
    int seconds = Math.min(endpoint.timeoutSeconds(), LONGEST_GREETING_SECONDS);
    HttpRequest request = request("/models").timeout(Duration.ofSeconds(seconds)).GET().build();
    int status;
    try {
      status = client.send(request, HttpResponse.BodyHandlers.discarding()).statusCode();
    } catch (HttpTimeoutException e) {
      throw failure("did not answer within " + seconds + " s", e);
    } catch (IOException e) {
      throw failure(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CancellationException("the comparison was interrupted");
    }
    if (status == UNAUTHORIZED || status == FORBIDDEN) {
      throw failure(
          key.isPresent()
              ? "refuses the key in "
                  + endpoint.keyVariable().orElseThrow()
                  + " with status "
                  + status
              : "wants a key (status "
                  + status
                  + "): name the environment variable that holds it with api_key_env=NAME");
    }
  }

  @Override
  public String backend() {
    return "a server, timed from outside";
  }

  @Override
  public String sampler() {
    return "chat completions";
  }

  @Override
  public Map<String, Object> options() {
    Map<String, Object> options = new LinkedHashMap<>();
    options.put("model", endpoint.model());
    options.put("max_tokens", endpoint.maxTokens());
    options.put("temperature", endpoint.temperature());
    return options;
  }

  @Override
  public Optional<HandedOn> handedOn() {
    return Optional.empty();
  }

  /** No refusal is known before the server is asked; one that refuses a prompt has failed. */
  @Override
  public Optional<String> refusal(Problem problem) {
    return Optional.empty();
  }

  @Override
  public void close() {
    client.close();
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
    return new Result((System.nanoTime() - started) / 1e9, Optional.empty(), answers);
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
        request("/chat/completions")
            .header("Content-Type", "application/json")
            .header("Accept", "text/event-stream")
            .POST(HttpRequest.BodyPublishers.ofString(body))
            .build();
    long started = System.nanoTime();
    ChatStream stream = stream(request);
    long ended = System.nanoTime();
    String fault = stream.fault(this::withoutKey);
    if (!fault.isEmpty()) {
      throw failure(fault);
    }
    List<Long> arrivals = stream.arrivals();
    return new Answer(
        problem.id(),
        problem.isAnsweredBy(stream.text(), pattern),
        stream.promptTokens(),
        stream.tokens(),
        OptionalInt.empty(),
        OptionalInt.empty(),
        List.of(),
        Optional.empty(),
        OptionalDouble.empty(),
        arrivals.stream().mapToDouble(first -> (first - started) / 1e9).findFirst(),
        (ended - started) / 1e9,
        Answer.micros(arrivals.stream().mapToLong(Long::longValue).toArray()));
  }

  /** Sends the request and reads its answer to the end, within the time that it has. */
  private ChatStream stream(HttpRequest request) throws InterruptedException {
    CompletableFuture<HttpResponse<ChatStream>> answer =
        client.sendAsync(
            request,
            info ->
                HttpResponse.BodySubscribers.fromLineSubscriber(
                    new ChatStream(info.statusCode()),
                    stream -> stream,
                    StandardCharsets.UTF_8,
                    null));
    boolean read = false;
    try {
      ChatStream stream = answer.get(endpoint.timeoutSeconds(), TimeUnit.SECONDS).body();
      read = true;
      return stream;
    } catch (TimeoutException e) {
      throw failure(
          "did not finish an answer within "
              + endpoint.timeoutSeconds()
              + " s: give it more with timeout=SECONDS",
          e);
    } catch (ExecutionException e) {
      throw failure(e.getCause() == null ? e : e.getCause());
    } finally {
      if (!read) {
        answer.cancel(true);
      }
    }
  }

  private HttpRequest.Builder request(String path) {
    URI base = endpoint.base();
    HttpRequest.Builder request = HttpRequest.newBuilder(base.resolve(base.getPath() + path));
    key.ifPresent(each -> request.header("Authorization", "Bearer " + each));
    return request;
  }

  private UncheckedIOException failure(Throwable cause) {
    return cause instanceof ConnectException || cause instanceof UnresolvedAddressException
        ? failure("accepts no connection: start its server first", cause)
        : failure("cannot be read: " + cause, cause);
  }

  private UncheckedIOException failure(String what) {
    return failure(what, new IOException(what));
  }

  private UncheckedIOException failure(String what, Throwable cause) {
    String said = withoutKey(what);
    return new UncheckedIOException(
        "the endpoint " + endpoint.base() + " " + said, new IOException(said, withoutKey(cause)));
  }

  private String withoutKey(String said) {
    return key.map(each -> said.replace(each, "[key]")).orElse(said);
  }

  /** A cause that may quote the server is left out where there is a key to keep. */
  private Throwable withoutKey(Throwable cause) {
    return key.isPresent() ? new IOException(cause.getClass().getSimpleName()) : cause;
  }
}
