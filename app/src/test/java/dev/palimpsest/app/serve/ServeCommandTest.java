package dev.palimpsest.app.serve;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.app.ChildProcess;
import dev.palimpsest.app.terminal.Cli;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The server as a process of its own. */
final class ServeCommandTest {
  private static final Pattern LISTENING = Pattern.compile("listening at (http://\\S+)");

  @TempDir private Path folder;

  private Process serve(String... more) throws IOException {
    String model = Cli.home().resolve("models").resolve("abacus-mdm").toAbsolutePath().toString();
    List<String> arguments = new ArrayList<>(List.of("serve", model));
    arguments.addAll(List.of(more));
    return ChildProcess.start(folder, arguments);
  }

  private String said() throws IOException {
    return Files.readString(folder.resolve("err"));
  }

  private String address(Process server) throws Exception {
    while (server.isAlive()) {
      Matcher matcher = LISTENING.matcher(said());
      if (matcher.find()) {
        return matcher.group(1);
      }
      Thread.sleep(50);
    }
    throw new AssertionError(said());
  }

  @Test
  void aSignalEndsItWhenWhatIsWrittenIsFinished() throws Exception {
    Process server = serve("--port", "0", "--threads", "1", "--served-model-name", "demo");
    try (HttpClient client = HttpClient.newHttpClient()) {
      String address = address(server);
      HttpResponse<String> models =
          client.send(
              HttpRequest.newBuilder(URI.create(address + "/v1/models")).build(),
              HttpResponse.BodyHandlers.ofString());
      assertThat(models.body()).contains("\"id\":\"demo\"");
      CompletableFuture<HttpResponse<String>> written =
          client.sendAsync(
              HttpRequest.newBuilder(URI.create(address + "/v1/completions"))
                  .POST(
                      HttpRequest.BodyPublishers.ofString(
                          "{\"prompt\":\"Leo has\",\"max_tokens\":100}"))
                  .build(),
              HttpResponse.BodyHandlers.ofString());
      while (client
          .send(
              HttpRequest.newBuilder(URI.create(address + "/metrics")).build(),
              HttpResponse.BodyHandlers.ofString())
          .body()
          .contains("palimpsest:nfe_total 0.0")) {
        Thread.sleep(1);
      }
      server.destroy(); // SIGTERM
      assertThat(written.get().statusCode()).isEqualTo(200);
      assertThat(server.waitFor(1, TimeUnit.MINUTES)).isTrue();
      assertThat(server.exitValue()).as(said()).isZero();
      assertThat(said()).contains("GET /v1/models 200").doesNotContain("Exception");
    } finally {
      server.destroyForcibly();
    }
  }

  @Test
  void aPortThatIsTakenIsSaidInOneSentence() throws Exception {
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      Process server = serve("--port", String.valueOf(taken.getLocalPort()));
      assertThat(server.waitFor(2, TimeUnit.MINUTES)).isTrue();
      assertThat(server.exitValue()).isEqualTo(Cli.FAILURE);
      assertThat(said().lines().filter(line -> line.startsWith("palimpsest:")))
          .singleElement()
          .asString()
          .contains("cannot listen at 127.0.0.1, port " + taken.getLocalPort());
    }
  }

  @Test
  void aWrongOptionIsUsage() throws Exception {
    Process server = serve("--max-running", "0");
    assertThat(server.waitFor(2, TimeUnit.MINUTES)).isTrue();
    assertThat(server.exitValue()).isEqualTo(Cli.USAGE);
    assertThat(said()).contains("--max-running 0 is too small: use 1 or above");
  }
}
