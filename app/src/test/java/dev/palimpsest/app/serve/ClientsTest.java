package dev.palimpsest.app.serve;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.app.terminal.Cli;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Clients as they are published, where they are installed. */
final class ClientsTest {
  private static final Path CLIENTS = Cli.home().resolve("tests").resolve("clients");

  private static final String CONTENT = "/choices/0/message/content";

  @TempDir private static Path traces;
  private static RunningServer server;

  @BeforeAll
  static void start() throws IOException {
    server = new RunningServer("abacus-mdm", Limits.DEFAULTS, ApiKeys.NONE, traces);
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  @Test
  void theOpenaiPackageChatsStreamsCancelsAndNamesErrors() throws Exception {
    Assumptions.assumeTrue(
        Files.isDirectory(CLIENTS.resolve("node_modules").resolve("openai")),
        "the openai package is not installed: npm ci in tests/clients, as .ci/run does");
    run("node", "--test", "openai.test.mjs");
  }

  @Test
  void curlGetsWhatDocsServingShows() throws Exception {
    Assumptions.assumeTrue(isInstalled("curl"), "curl is not installed");
    String answer =
        run(
            "curl",
            "-sS",
            "--fail-with-body",
            url() + "/v1/chat/completions",
            "-H",
            "Content-Type: application/json",
            "-d",
            "{\"messages\":[{\"role\":\"user\",\"content\":\"%s\"}]}"
                .formatted(RunningServer.PROBLEM));
    String expected =
        server
            .ask(
                "/v1/chat/completions",
                Map.of("messages", List.of(RunningServer.user(RunningServer.PROBLEM))))
            .at(CONTENT)
            .stringValue();
    assertThat(RunningServer.JSON.readTree(answer).at(CONTENT).stringValue()).isEqualTo(expected);
  }

  private static boolean isInstalled(String program) {
    return List.of(System.getenv().getOrDefault("PATH", "").split(":", -1)).stream()
        .anyMatch(folder -> Files.isExecutable(Path.of(folder, program)));
  }

  private static String url() {
    return server.request("").build().uri().toString();
  }

  private static String run(String... command) throws IOException, InterruptedException {
    ProcessBuilder builder =
        new ProcessBuilder(command).directory(CLIENTS.toFile()).redirectErrorStream(true);
    builder.environment().put("PALIMPSEST_URL", url());
    Process process = builder.start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(said).isZero();
    return said;
  }
}
