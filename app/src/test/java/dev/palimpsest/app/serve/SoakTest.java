package dev.palimpsest.app.serve;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A server at saturation for ten minutes: what it holds does not grow. */
@Tag("long")
final class SoakTest {
  private static final Duration TIME =
      Duration.ofMinutes(Integer.getInteger("palimpsest.soak.minutes", 10));
  private static final Duration BETWEEN = TIME.dividedBy(40);
  private static final int CLIENTS = 48;
  private static final String CHAT = "/v1/chat/completions";

  @TempDir private static Path traces;

  /** What the process holds, in MiB and in numbers. */
  private record Reading(double heap, double resident, double descriptors) {
    static Reading now() throws IOException, InterruptedException {
      System.gc();
      Thread.sleep(200);
      Runtime runtime = Runtime.getRuntime();
      double resident =
          Files.readAllLines(Path.of("/proc/self/status")).stream()
              .filter(line -> line.startsWith("VmRSS:"))
              .mapToDouble(line -> Double.parseDouble(line.replaceAll("[^0-9]", "")) / 1024)
              .sum();
      try (Stream<Path> descriptors = Files.list(Path.of("/proc/self/fd"))) {
        return new Reading(
            (runtime.totalMemory() - runtime.freeMemory()) / 1048576.0,
            resident,
            descriptors.count());
      }
    }
  }

  @Test
  void heapMemoryAndDescriptorsStayAsTheyAre() throws Exception {
    Assumptions.assumeTrue(Files.isDirectory(Path.of("/proc/self/fd")), "this is not Linux");
    AtomicInteger answered = new AtomicInteger();
    List<Reading> readings = new ArrayList<>();
    Limits limits = new Limits(16, 1024, 4096, 128, 100_000, Duration.ofMinutes(5), 16);
    try (RunningServer server = new RunningServer("abacus-mdm", limits, ApiKeys.NONE, traces);
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      long end = System.nanoTime() + TIME.toNanos();
      List<Future<?>> clients = new ArrayList<>();
      for (int client = 0; client < CLIENTS; client++) {
        Random random = new Random(client);
        clients.add(
            threads.submit(
                () -> {
                  while (System.nanoTime() < end) {
                    one(server, random);
                    answered.incrementAndGet();
                  }
                  return null;
                }));
      }
      while (System.nanoTime() < end) {
        Thread.sleep(BETWEEN);
        readings.add(Reading.now());
      }
      for (Future<?> client : clients) {
        client.get();
      }
    }
    System.out.printf("%d requests in %d minutes%n", answered.get(), TIME.toMinutes());
    readings.forEach(System.out::println);
    requireFlat("heap", readings, Reading::heap, 8);
    requireFlat("resident memory", readings, Reading::resident, 24);
    requireFlat("descriptors", readings, Reading::descriptors, 24);
  }

  /** The last quarter of the time beside the second one. */
  private static void requireFlat(
      String what, List<Reading> readings, ToDoubleFunction<Reading> of, double slack) {
    int quarter = readings.size() / 4;
    double early = mean(readings.subList(quarter, 2 * quarter), of);
    double late = mean(readings.subList(readings.size() - quarter, readings.size()), of);
    assertThat(late).as(what).isLessThan(early * 1.05 + slack);
  }

  private static double mean(List<Reading> readings, ToDoubleFunction<Reading> of) {
    return readings.stream().mapToDouble(of).average().orElseThrow();
  }

  /** A request that is answered, streamed, recorded, left in the middle, or wrong. */
  private static void one(RunningServer server, Random random) throws Exception {
    Map<String, Object> body = new HashMap<>();
    body.put("messages", List.of(RunningServer.user(RunningServer.PROBLEM)));
    body.put("max_tokens", 16 + random.nextInt(32));
    body.put("temperature", random.nextDouble());
    body.put("seed", random.nextInt());
    int kind = random.nextInt(8);
    switch (kind) {
      case 0 -> body.put("no_such_parameter", 1);
      case 1 -> body.put("record", true);
      case 2, 3, 4 -> body.put("stream", true);
      default -> {}
    }
    body.put("return_steps", kind == 3 || kind == 4);
    HttpRequest request =
        server
            .request(CHAT)
            .POST(HttpRequest.BodyPublishers.ofString(RunningServer.JSON.writeValueAsString(body)))
            .build();
    HttpResponse<InputStream> response = server.open(request);
    try (InputStream in = response.body()) {
      if (kind == 4) {
        int _ = in.read();
        return; // and goes away
      }
      String said = new String(in.readAllBytes(), StandardCharsets.UTF_8);
      assertThat(response.statusCode()).as(said).isEqualTo(kind == 0 ? 400 : 200);
    }
  }
}
