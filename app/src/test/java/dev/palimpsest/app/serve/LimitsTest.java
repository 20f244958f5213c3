package dev.palimpsest.app.serve;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.step.Denoiser;
import java.io.IOException;
import java.net.Socket;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a server refuses, and what it lets go. The model takes a step when the test says so. */
final class LimitsTest {
  private static final String COMPLETIONS = "/v1/completions";
  private static final String LONG = "{\"prompt\":\"Leo has\",\"max_tokens\":100}";
  private static final int FREE = 1_000_000;

  @TempDir private Path folder;

  private final Semaphore steps = new Semaphore(0);
  private final CountDownLatch firstStep = new CountDownLatch(1);
  private final AtomicInteger forwards = new AtomicInteger();

  private Denoiser held(Denoiser denoiser) {
    return queries -> {
      firstStep.countDown();
      steps.acquireUninterruptibly();
      forwards.incrementAndGet();
      return denoiser.predict(queries);
    };
  }

  private RunningServer server(Limits limits) throws IOException {
    return new RunningServer("abacus-mdm", limits, ApiKeys.NONE, folder, this::held);
  }

  private static Limits limits(int running, int waiting, Duration time) {
    return new Limits(running, waiting, 4096, 128, 1000, time, 8);
  }

  private static Limits roomy() {
    return limits(4, 4, Duration.ofMinutes(5));
  }

  private static CompletableFuture<HttpResponse<String>> later(RunningServer server, String body) {
    return CompletableFuture.supplyAsync(
        () -> {
          try {
            return server.post(COMPLETIONS, body);
          } catch (IOException | InterruptedException e) {
            throw new IllegalStateException(e);
          }
        });
  }

  private static byte[] request(String body) {
    return "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s"
        .formatted(COMPLETIONS, body.length(), body)
        .getBytes(StandardCharsets.UTF_8);
  }

  @Test
  void aClientThatGoesFreesItsRunAtTheNextStep() throws Exception {
    try (RunningServer server = server(roomy())) {
      Socket socket = server.connect();
      socket.getOutputStream().write(request(LONG));
      firstStep.await();
      socket.close();
      awaitGone(server);
      steps.release(FREE);
      assertThat(server.post(COMPLETIONS, LONG.replace("100", "1")).statusCode()).isEqualTo(200);
      assertThat(forwards.get()).isLessThan(10);
      assertThat(server.get("/metrics").body())
          .contains("palimpsest:request_success_total{finished_reason=\"abort\"} 1.0");
    }
  }

  @Test
  void aClientThatLeavesAStreamFreesItsRun() throws Exception {
    try (RunningServer server = server(roomy())) {
      String body = LONG.replace("}", ",\"stream\":true,\"return_steps\":true}");
      Socket socket = server.connect();
      socket.getOutputStream().write(request(body));
      steps.release();
      byte[] beginning = socket.getInputStream().readNBytes(200);
      assertThat(new String(beginning, StandardCharsets.UTF_8)).contains("text/event-stream");
      socket.close();
      awaitGone(server);
      steps.release(FREE);
      assertThat(server.post(COMPLETIONS, LONG.replace("100", "1")).statusCode()).isEqualTo(200);
      assertThat(forwards.get()).isLessThan(10);
    }
  }

  /** The close is on its way through the kernel; a step or two may pass until it is there. */
  private void awaitGone(RunningServer server) throws Exception {
    for (int step = 0; step < 5 && running(server) > 0; step++) {
      int before = forwards.get();
      steps.release();
      while (forwards.get() == before && running(server) > 0) {
        Thread.sleep(10);
      }
    }
  }

  private static int running(RunningServer server) throws Exception {
    return RunningServer.JSON.readTree(server.get("/health").body()).path("running").intValue();
  }

  @Test
  void aClientThatShutsItsSideDownCountsAsGoneAndGetsNothing() throws Exception {
    try (RunningServer server = server(roomy());
        Socket socket = server.connect()) {
      socket.getOutputStream().write(request(LONG));
      firstStep.await();
      socket.shutdownOutput();
      awaitGone(server);
      assertThat(socket.getInputStream().readAllBytes()).isEmpty();
      steps.release(FREE);
    }
  }

  @Test
  void bytesThatArriveEarlyAreTheNextRequest() throws Exception {
    try (RunningServer server = server(roomy())) {
      String body = LONG.replace("100", "3");
      try (Socket socket = server.connect()) {
        socket.getOutputStream().write(request(body));
        firstStep.await();
        socket
            .getOutputStream()
            .write("GET /health HTTP/1.1\r\nHost: x\r\n".getBytes(StandardCharsets.UTF_8));
        steps.release(FREE);
        socket
            .getOutputStream()
            .write("Connection: close\r\n\r\n".getBytes(StandardCharsets.UTF_8));
        String answers = new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(answers.split("HTTP/1.1 200", -1)).hasSize(3);
        assertThat(answers).endsWith("\"waiting\":0}");
      }
    }
  }

  @Test
  void aFullQueueRefusesAndSaysWhenToComeAgain() throws Exception {
    try (RunningServer server = server(limits(1, 1, Duration.ofMinutes(5)))) {
      CompletableFuture<HttpResponse<String>> first = later(server, LONG.replace("100", "2"));
      firstStep.await();
      CompletableFuture<HttpResponse<String>> second = later(server, LONG.replace("100", "3"));
      while (server.server().waiting() == 0) {
        Thread.sleep(5);
      }
      HttpResponse<String> third = server.post(COMPLETIONS, LONG);
      assertThat(third.statusCode()).isEqualTo(429);
      assertThat(third.headers().firstValue("Retry-After")).isPresent();
      assertThat(server.post(COMPLETIONS, LONG.replace("}", ",\"n\":3}")).statusCode())
          .isEqualTo(400);
      steps.release(FREE);
      assertThat(first.get().statusCode()).isEqualTo(200);
      assertThat(second.get().statusCode()).isEqualTo(200);
    }
  }

  @Test
  void aRequestWhoseTimeIsUpIsToldSo() throws Exception {
    try (RunningServer server = server(limits(1, 4, Duration.ofMillis(1)))) {
      CompletableFuture<HttpResponse<String>> slow = later(server, LONG);
      while (firstStep.getCount() > 0 && !slow.isDone()) {
        Thread.sleep(5); // its time may be up before it begins
      }
      CompletableFuture<HttpResponse<String>> waiting = later(server, LONG);
      while (server.server().waiting() == 0
          && !waiting.isDone()
          && !(slow.isDone() && firstStep.getCount() == 0)) { // it has begun instead of the first
        Thread.sleep(5);
      }
      Thread.sleep(5);
      steps.release(FREE);
      assertThat(slow.get().statusCode()).isEqualTo(408);
      assertThat(waiting.get().statusCode()).isEqualTo(408);
    }
  }

  @Test
  void aDrainFinishesWhatIsWrittenAndRefusesTheRest() throws Exception {
    try (RunningServer server = server(roomy())) {
      CompletableFuture<HttpResponse<String>> first = later(server, LONG.replace("100", "2"));
      firstStep.await();
      Thread drain =
          Thread.startVirtualThread(
              () -> {
                try {
                  server.server().drain(Duration.ofMinutes(2));
                } catch (InterruptedException e) {
                  Thread.currentThread().interrupt();
                }
              });
      while (!server.server().isRefusing()) {
        Thread.sleep(5);
      }
      HttpResponse<String> refused = server.post(COMPLETIONS, LONG);
      assertThat(refused.statusCode()).isEqualTo(503);
      assertThat(refused.headers().firstValue("Retry-After")).isPresent();
      steps.release(FREE);
      assertThat(first.get().statusCode()).isEqualTo(200);
      drain.join();
    }
  }

  @Test
  void aBodyThatIsTooLargeIsRefused() throws Exception {
    try (RunningServer server = server(roomy())) {
      assertThat(server.post(COMPLETIONS, "{\"prompt\":\"" + "a".repeat(2000) + "\"}").statusCode())
          .isEqualTo(413);
    }
  }

  @Test
  void onlyWhoHasAKeyIsServed() throws Exception {
    Path file = folder.resolve("keys");
    Files.writeString(file, "# ours\nfirst\n\nsecond\n");
    steps.release(FREE);
    try (RunningServer server =
        new RunningServer("abacus-mdm", roomy(), ApiKeys.read(file), folder.resolve("t"))) {
      assertThat(server.get("/v1/models").statusCode()).isEqualTo(401);
      assertThat(server.get("/health").statusCode()).isEqualTo(200);
      for (Map.Entry<String, Integer> each :
          List.of(
              Map.entry("Bearer second", 200),
              Map.entry("bearer first", 200),
              Map.entry("Bearer secon", 401),
              Map.entry("Basic second", 401),
              Map.entry("Bearer # ours", 401))) {
        HttpRequest.Builder request =
            server.request("/v1/models").header("Authorization", each.getKey());
        assertThat(server.send(request).statusCode()).as(each.getKey()).isEqualTo(each.getValue());
      }
    }
  }

  @Test
  void aPageOfAnotherSiteIsNotServed() throws Exception {
    try (RunningServer server = server(roomy())) {
      String own = "http://127.0.0.1:" + server.server().address().getPort();
      for (Map.Entry<String, Integer> each :
          List.of(
              Map.entry(own, 200), Map.entry("https://example.org", 403), Map.entry("null", 403))) {
        HttpRequest.Builder request = server.request("/v1/models").header("Origin", each.getKey());
        assertThat(server.send(request).statusCode()).as(each.getKey()).isEqualTo(each.getValue());
      }
    }
  }

  @Test
  void aModelThatFailsFailsItsTextsAndNotTheServer() throws Exception {
    AtomicInteger calls = new AtomicInteger();
    try (RunningServer server =
        new RunningServer(
            "abacus-mdm",
            roomy(),
            ApiKeys.NONE,
            folder,
            denoiser ->
                queries -> {
                  if (calls.getAndIncrement() == 0) {
                    throw new IllegalStateException("the device is lost");
                  }
                  return denoiser.predict(queries);
                })) {
      HttpResponse<String> failed = server.post(COMPLETIONS, LONG);
      assertThat(failed.statusCode()).isEqualTo(500);
      assertThat(failed.body()).doesNotContain("device");
      assertThat(server.post(COMPLETIONS, LONG).statusCode()).isEqualTo(200);
    }
  }
}
