package dev.palimpsest.tests.bench;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Random;
import java.util.Scanner;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import java.util.stream.DoubleStream;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * Load for a server, as {@code vllm bench serve} makes it: chat completions that arrive as a
 * Poisson process of so many a second, whatever the server does, or so many at once, the next as
 * soon as one has ended. Streamed requests ask for step frames, so that the first snapshot can be
 * told from the first text.
 */
@Command(name = "tests/load", mixinStandardHelpOptions = true)
public final class ServerLoad implements Runnable {
  private static final JsonMapper JSON = new JsonMapper();
  private static final double NANOS = 1e9;

  @Parameters(paramLabel = "URL", description = "The server, as http://127.0.0.1:8000.")
  private URI server;

  @Option(
      names = "--prompts",
      required = true,
      paramLabel = "FILE",
      description = "JSON lines with a \"prompt\" each; taken in turns.")
  private Path prompts;

  @Option(
      names = "--rates",
      split = ",",
      paramLabel = "R,…",
      description = "Requests a second, one row of the table each.")
  private List<Double> rates = List.of();

  @Option(
      names = "--at-once",
      split = ",",
      paramLabel = "N,…",
      description = "Requests at once instead, not streamed, one row of the table each.")
  private List<Integer> atOnce = List.of();

  @Option(names = "--requests", paramLabel = "N", description = "Of each row (default: 200).")
  private int requests = 200;

  @Option(
      names = "--options",
      paramLabel = "JSON",
      description = "Parameters of every request, as '{\"max_tokens\":64}'.")
  private String options = "{}";

  @Option(
      names = "--good-seconds",
      paramLabel = "S",
      description = "A request counts as good if it ends within S seconds (default: 1).")
  private double goodSeconds = 1;

  @Option(names = "--seed", paramLabel = "N", description = "Of the arrivals (default: 0).")
  private long seed;

  private final HttpClient client =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .executor(Runnable::run)
          .connectTimeout(Duration.ofSeconds(10))
          .build();

  /** Runs it. */
  public static void main(String[] arguments) {
    System.exit(new CommandLine(new ServerLoad()).execute(arguments));
  }

  /**
   * One request's times in seconds from when it was due, which is before it was sent if the client
   * was late.
   *
   * @param status of HTTP; 0 if the connection failed
   * @param firstSnapshot not there if it was not streamed
   * @param tokens of the text, as the server counts them
   */
  private record Outcome(
      int status, OptionalDouble firstSnapshot, OptionalDouble firstToken, double end, int tokens) {
    boolean isGood(double seconds) {
      return status == 200 && end <= seconds;
    }
  }

  @Override
  public void run() {
    List<String> bodies = bodies(!rates.isEmpty());
    send(bodies.getFirst(), System.nanoTime()); // the first one warms both sides
    System.out.println(
        "| load | requests | refused or failed | done/s | tokens/s | good/s | first snapshot p50 / p95 / p99, ms"
            + " | first text p50 / p95 / p99, ms | end p50 / p95 / p99, ms |");
    System.out.println("|---|---:|---:|---:|---:|---:|---:|---:|---:|");
    for (double rate : rates) {
      report("%.4g/s".formatted(rate), poisson(bodies, rate));
    }
    List<String> plain = bodies(false);
    for (int most : atOnce) {
      report(most + " at once", closed(plain, most));
    }
  }

  private List<String> bodies(boolean streamed) {
    ObjectNode parameters = (ObjectNode) JSON.readTree(options);
    try (var lines = Files.lines(prompts)) {
      return lines
          .filter(line -> !line.isBlank())
          .map(line -> JSON.readTree(line).path("prompt").stringValue())
          .map(
              prompt -> {
                ObjectNode body = parameters.deepCopy();
                body.putArray("messages").addObject().put("role", "user").put("content", prompt);
                if (streamed) {
                  body.put("stream", true).put("return_steps", true);
                  body.putObject("stream_options").put("include_usage", true);
                }
                return body.toString();
              })
          .toList();
    } catch (IOException e) {
      throw new IllegalArgumentException(prompts + " cannot be read: " + e.getMessage(), e);
    }
  }

  /** Outcomes, and the seconds from the first arrival to the last end. */
  private record Measured(List<Outcome> outcomes, double seconds) {}

  private Measured poisson(List<String> bodies, double rate) {
    Random random = new Random(seed);
    List<Outcome> outcomes = Collections.synchronizedList(new ArrayList<>());
    CountDownLatch done = new CountDownLatch(requests);
    long begun = System.nanoTime();
    long due = begun;
    for (int number = 0; number < requests; number++) {
      due += (long) (-Math.log(1 - random.nextDouble()) / rate * NANOS);
      while (System.nanoTime() < due) {
        LockSupport.parkNanos(due - System.nanoTime());
      }
      String body = bodies.get(number % bodies.size());
      long when = due;
      Thread.ofVirtual()
          .start(
              () -> {
                outcomes.add(send(body, when));
                done.countDown();
              });
    }
    await(done);
    return new Measured(List.copyOf(outcomes), (System.nanoTime() - begun) / NANOS);
  }

  private Measured closed(List<String> bodies, int most) {
    List<Outcome> outcomes = Collections.synchronizedList(new ArrayList<>());
    CountDownLatch done = new CountDownLatch(requests);
    Semaphore free = new Semaphore(most);
    long begun = System.nanoTime();
    for (int number = 0; number < requests; number++) {
      free.acquireUninterruptibly();
      String body = bodies.get(number % bodies.size());
      Thread.ofVirtual()
          .start(
              () -> {
                outcomes.add(send(body, System.nanoTime()));
                free.release();
                done.countDown();
              });
    }
    await(done);
    return new Measured(List.copyOf(outcomes), (System.nanoTime() - begun) / NANOS);
  }

  private static void await(CountDownLatch done) {
    try {
      done.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private Outcome send(String body, long due) {
    HttpRequest request =
        HttpRequest.newBuilder(server.resolve("/v1/chat/completions"))
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(body))
            .build();
    try {
      HttpResponse<InputStream> response =
          client.send(request, HttpResponse.BodyHandlers.ofInputStream());
      try (InputStream in = response.body()) {
        boolean streamed =
            response.headers().firstValue("Content-Type").orElse("").contains("event-stream");
        return streamed ? stream(response.statusCode(), in, due) : whole(response, in, due);
      }
    } catch (IOException e) {
      return new Outcome(0, OptionalDouble.empty(), OptionalDouble.empty(), since(due), 0);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return new Outcome(0, OptionalDouble.empty(), OptionalDouble.empty(), since(due), 0);
    }
  }

  private static Outcome whole(HttpResponse<?> response, InputStream in, long due)
      throws IOException {
    JsonNode json = JSON.readTree(in.readAllBytes());
    return new Outcome(
        response.statusCode(),
        OptionalDouble.empty(),
        OptionalDouble.empty(),
        since(due),
        json.path("usage").path("completion_tokens").asInt(0));
  }

  private static Outcome stream(int status, InputStream in, long due) {
    OptionalDouble snapshot = OptionalDouble.empty();
    OptionalDouble token = OptionalDouble.empty();
    int tokens = 0;
    try (Scanner lines = new Scanner(in, StandardCharsets.UTF_8)) {
      while (lines.hasNextLine()) {
        String line = lines.nextLine();
        if (!line.startsWith("data: {")) {
          continue;
        }
        JsonNode chunk = JSON.readTree(line.substring("data: ".length()));
        if (snapshot.isEmpty() && chunk.has("diffusion")) {
          snapshot = OptionalDouble.of(since(due));
        }
        String text = chunk.path("choices").path(0).path("delta").path("content").asString("");
        if (token.isEmpty() && !text.isEmpty()) {
          token = OptionalDouble.of(since(due));
        }
        tokens = chunk.path("usage").path("completion_tokens").asInt(tokens);
      }
    }
    return new Outcome(status, snapshot, token, since(due), tokens);
  }

  private static double since(long due) {
    return (System.nanoTime() - due) / NANOS;
  }

  private void report(String load, Measured measured) {
    List<Outcome> done = measured.outcomes().stream().filter(each -> each.status() == 200).toList();
    Map<Integer, Long> others =
        measured.outcomes().stream()
            .filter(each -> each.status() != 200)
            .collect(Collectors.groupingBy(Outcome::status, Collectors.counting()));
    System.out.printf(
        Locale.ROOT,
        "| %s | %d | %s | %.1f | %.0f | %.1f | %s | %s | %s |%n",
        load,
        measured.outcomes().size(),
        others.isEmpty() ? "0" : others.toString(),
        done.size() / measured.seconds(),
        done.stream().mapToInt(Outcome::tokens).sum() / measured.seconds(),
        done.stream().filter(each -> each.isGood(goodSeconds)).count() / measured.seconds(),
        percentiles(done.stream().flatMapToDouble(each -> each.firstSnapshot().stream())),
        percentiles(done.stream().flatMapToDouble(each -> each.firstToken().stream())),
        percentiles(done.stream().mapToDouble(Outcome::end)));
  }

  /** By the nearest rank, in milliseconds. */
  private static String percentiles(DoubleStream seconds) {
    double[] sorted = seconds.sorted().toArray();
    if (sorted.length == 0) {
      return "–";
    }
    return Arrays.stream(new double[] {0.5, 0.95, 0.99})
        .map(share -> sorted[(int) Math.ceil(share * sorted.length) - 1] * 1000)
        .mapToObj(millis -> String.format(Locale.ROOT, "%.0f", millis))
        .collect(Collectors.joining(" / "));
  }
}
