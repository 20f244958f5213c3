package dev.palimpsest.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.app.terminal.Cli;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The commands as a user types them, in this process. */
final class CommandLineTest {
  private static final String PROBLEM =
      "Maya has 24 marbles. First she buys 7 more. Then she gives 9 to Omar."
          + " How many marbles does Maya have now?";
  private static final String WORKED = "24+7=31. 31-9=22. Answer: 22";
  private static final Path ORACLE =
      Cli.home().resolve("tests/src/test/resources/oracle/llada-mha");

  @Test
  void theBundledModelAnswersAWordProblemWithItsWorking() {
    Outcome outcome = run("generate", PROBLEM);
    assertThat(outcome.code()).isZero();
    assertThat(outcome.out()).isEqualTo(WORKED + System.lineSeparator());
    assertThat(outcome.err()).contains("48 forwards");
  }

  @Test
  void aPromptIsReadFromStandardInputWhenNoneIsGiven() {
    InputStream stdin = System.in;
    try {
      System.setIn(new ByteArrayInputStream((PROBLEM + "\n").getBytes(StandardCharsets.UTF_8)));
      assertThat(run("generate").out()).contains(WORKED);
    } finally {
      System.setIn(stdin);
    }
  }

  @Test
  void jsonHoldsTheTextItsCostAndEveryOption() {
    Outcome outcome = run("generate", "--json", "--seed", "5", "--steps", "24", PROBLEM);
    JsonNode json = new JsonMapper().readTree(outcome.out());
    assertThat(outcome.err()).isEmpty();
    assertThat(json.path("nfe").intValue()).isEqualTo(24);
    assertThat(json.path("committed_tokens").intValue()).isEqualTo(48);
    assertThat(json.path("idle_steps").intValue()).isZero();
    assertThat(json.path("tpf").doubleValue())
        .isEqualTo(json.path("text_tokens").intValue() / 24.0);
    assertThat(json.path("options").path("seed").longValue()).isEqualTo(5);
    assertThat(json.path("options").path("gen_length").intValue()).isEqualTo(48);
    assertThat(json.path("canvas").size()).isEqualTo(48);
  }

  @Test
  void stepsThatAskNothingAreNoForwardsAndAGuidedStepIsTwo() throws IOException {
    JsonNode idle =
        new JsonMapper().readTree(run("generate", "--json", "--steps", "100", PROBLEM).out());
    assertThat(idle.path("nfe").intValue()).isEqualTo(48);
    assertThat(idle.path("idle_steps").intValue()).isEqualTo(52);
    assertThat(run("generate", "--steps", "100", PROBLEM).err())
        .contains("48 forwards (and 52 steps that asked nothing)");
    JsonNode guided =
        new JsonMapper().readTree(run("generate", "--json", "--cfg-scale", "0.5", PROBLEM).out());
    assertThat(guided.path("nfe").intValue()).isEqualTo(96);
    assertThat(guided.path("tpf").doubleValue())
        .isEqualTo(guided.path("text_tokens").intValue() / 96.0);
  }

  @Test
  void theSameSeedWritesTheSameTextAndAnotherSeedAnother() {
    String[] hot = {"generate", "--json", "--temperature", "20", "--seed", "1", PROBLEM};
    String[] other = hot.clone();
    other[5] = "2";
    assertThat(canvas(run(hot))).isEqualTo(canvas(run(hot))).isNotEqualTo(canvas(run(other)));
  }

  @Test
  void watchingWithoutATerminalPrintsALineAStep() {
    Outcome outcome = run("generate", "--watch", PROBLEM);
    List<String> lines = outcome.err().lines().toList();
    assertThat(lines).hasSize(50);
    assertThat(lines.getFirst()).startsWith("   0   47 ");
    assertThat(lines.get(47)).startsWith("  47    0 " + WORKED);
  }

  @Test
  void aWordThatTheModelDoesNotKnowIsNamed() {
    assertThat(run("generate", "Maya has 24 zeppelins. How many zeppelins are there now?").err())
        .contains("zeppelins");
  }

  @ParameterizedTest(name = "{0} {1}")
  @CsvSource({
    "--steps, 47, multiple",
    "--steps, 0, 1 or above",
    "--gen-length, -8, 1 or above",
    "--gen-length, 500, 128",
    "--block-length, 7, multiple",
    "--temperature, -1, 0 or above",
    "--cfg-scale, -0.5, 0 or above",
    "--threshold, 1.5, up to 1",
    "--factor, 0, above 0",
    "--low-threshold, 1, below 1",
    "--remasking, conf, topk_margin",
    "--sampler, beam, decode",
    "--sampler, decode, both ways",
    "--alg, entropy, no option of the sampler llada",
    "--top-p, 0.9, no option of the sampler llada",
    "--threads, 0, 1 to 1024",
    "--dtype, f64, bf16",
    "--seed, tomorrow, whole number",
  })
  void aWrongOptionIsAnsweredInOneLineThatNamesItAndItsValue(
      String option, String value, String remedy) {
    String[] block =
        option.equals("--steps") ? new String[] {"--block-length", "24"} : new String[0];
    String[] arguments =
        Stream.of(new String[] {"generate"}, block, new String[] {option, value, PROBLEM})
            .flatMap(Stream::of)
            .toArray(String[]::new);
    Outcome outcome = run(arguments);
    assertThat(outcome.code()).isEqualTo(2);
    assertThat(outcome.out()).isEmpty();
    assertThat(outcome.err().lines()).hasSize(1);
    assertThat(outcome.err()).contains(option, value, remedy);
  }

  @Test
  void theAutoregressiveTwinAnswersTokenByToken() {
    String folder = Cli.home().resolve("models/abacus-ar").toString();
    Outcome outcome = run("generate", "--json", "--model", folder, PROBLEM);
    JsonNode json = new JsonMapper().readTree(outcome.out());
    assertThat(json.path("text").stringValue()).isEqualTo(WORKED);
    assertThat(json.path("sampler").stringValue()).isEqualTo("decode");
    assertThat(json.path("stopped").booleanValue()).isTrue();
    assertThat(json.path("nfe").intValue()).isEqualTo(json.path("text_tokens").intValue() + 1);
    assertThat(run("generate", "--sampler", "llada", "--model", folder, PROBLEM).err())
        .contains("--sampler llada", "use decode");
  }

  @Test
  void everySamplerOfWholeCanvasesAnswers() {
    String[][] all = {
      {"--sampler", "dream", "--alg", "entropy"},
      {"--sampler", "remdm", "--temperature", "0"},
      {"--sampler", "p2", "--eta", "1.5"},
      {"--sampler", "llada", "--remasking", "topk_margin"},
      {"--sampler", "block", "--block-length", "24", "--threshold", "0.9"},
      {"--sampler", "llada", "--block-length", "24", "--threshold", "0.9"},
      {"--sampler", "llada", "--threshold", "0.9", "--low-threshold", "0.4"},
    };
    for (String[] sampler : all) {
      String[] arguments =
          Stream.of(new String[] {"generate", "--json"}, sampler, new String[] {PROBLEM})
              .flatMap(Stream::of)
              .toArray(String[]::new);
      Outcome outcome = run(arguments);
      assertThat(outcome.code()).as("%s: %s", sampler[1], outcome.err()).isZero();
      JsonNode json = new JsonMapper().readTree(outcome.out());
      assertThat(json.path("sampler").stringValue()).isEqualTo(sampler[1]);
      assertThat(json.path("text").stringValue()).contains("Answer:");
    }
  }

  @Test
  void aModelThatIsNotThereIsAFailureInOneLine() {
    Outcome outcome = run("generate", "--model", "no/such/model", PROBLEM);
    assertThat(outcome.code()).isEqualTo(1);
    assertThat(outcome.err().lines()).hasSize(1);
    assertThat(outcome.err()).contains("no/such/model");
  }

  @Test
  void verboseAddsTheStackTrace() {
    Outcome outcome = run("generate", "--verbose", "--model", "no/such/model", PROBLEM);
    assertThat(outcome.err()).contains("CheckpointException", "at dev.palimpsest");
  }

  @ParameterizedTest
  @MethodSource("commands")
  void everyCommandExplainsItself(CommandLine command) {
    String name = command.getCommandSpec().qualifiedName();
    Outcome outcome =
        run(Stream.of((name + " --help").split(" ", -1)).skip(1).toArray(String[]::new));
    assertThat(outcome.code()).isZero();
    assertThat(outcome.err()).isEmpty();
    assertThat(outcome.out()).startsWith("Usage: " + name + " ");
    assertThat(outcome.out().lines()).allMatch(line -> line.length() <= 80);
  }

  /** The list of commands shows no more of a description than its first entry. */
  @ParameterizedTest
  @MethodSource("commands")
  void everyDescriptionBeginsWithAWholeSentenceOfOneLine(CommandLine command) {
    String[] description = command.getCommandSpec().usageMessage().description();
    assertThat(description).isNotEmpty();
    assertThat(description[0]).endsWith(".").hasSizeLessThan(68);
  }

  private static Stream<CommandLine> commands() {
    return withSubcommands(Main.commandLine(new Main()));
  }

  private static Stream<CommandLine> withSubcommands(CommandLine command) {
    return Stream.concat(
        Stream.of(command),
        command.getSubcommands().values().stream().flatMap(CommandLineTest::withSubcommands));
  }

  @Test
  void verifyGoesOnAfterAFolderThatCannotBeReadAndSaysSoAtTheEnd(@TempDir Path folder) {
    Outcome outcome = run("verify", folder.toString(), ORACLE.toString());
    assertThat(outcome.code()).isEqualTo(1);
    assertThat(outcome.out()).contains("generate4");
    assertThat(outcome.err())
        .contains(folder + " was not verified: ", "config.json: there is no such file");
    JsonNode json =
        new JsonMapper()
            .readTree(run("verify", "--json", folder.toString(), ORACLE.toString()).out());
    assertThat(json.path("failures").intValue()).isZero();
    assertThat(json.path("cases").size()).isEqualTo(7);
    assertThat(json.path("unreadable").propertyNames()).containsExactly(folder.toString());
  }

  @Test
  void verifyPassesOnPublishedResultsAndFailsOnOthers(@TempDir Path folder) throws IOException {
    assertThat(run("verify", ORACLE.toString()).code()).isZero();
    try (Stream<Path> files = Files.list(ORACLE)) {
      for (Path file : files.toList()) {
        Files.copy(file, folder.resolve(file.getFileName().toString()));
      }
    }
    damageLastTensor(folder.resolve("expected.safetensors"));
    Outcome outcome = run("verify", folder.toString());
    assertThat(outcome.code()).isEqualTo(1);
    assertThat(outcome.out()).contains("WRONG");
  }

  /** Overwrites the last eight bytes: the last logits or ids of whichever tensor ends the file. */
  private static void damageLastTensor(Path file) throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putLong(bytes.length - 8, 0x7000_0000L);
    Files.write(file, bytes);
  }

  @Test
  void inspectSaysWhatAModelIsWithoutLoadingIt() {
    Outcome outcome = run("inspect", "--json", ORACLE.toString());
    JsonNode json = new JsonMapper().readTree(outcome.out());
    assertThat(json.path("family").stringValue()).isEqualTo("llada");
    assertThat(json.path("layers").intValue()).isEqualTo(2);
    assertThat(json.path("weights_f32_bytes").longValue())
        .isEqualTo(json.path("file_bytes").longValue());
  }

  @Test
  void evalCountsExactAnswers() {
    Outcome outcome = run("eval", "--limit", "24", "--batch", "5", "--json");
    JsonNode json = new JsonMapper().readTree(outcome.out());
    assertThat(json.path("problems").intValue()).isEqualTo(24);
    assertThat(json.path("outcomes").size()).isEqualTo(24);
    assertThat(json.path("right").intValue())
        .isEqualTo(
            (int)
                json.path("outcomes").values().stream()
                    .filter(each -> each.path("right").booleanValue())
                    .count())
        .isGreaterThanOrEqualTo(18);
  }

  @Test
  void evalWritesTheSameTextsWhateverTheBatch() {
    JsonMapper mapper = new JsonMapper();
    JsonNode alone = mapper.readTree(run("eval", "--limit", "9", "--batch", "1", "--json").out());
    JsonNode together =
        mapper.readTree(run("eval", "--limit", "9", "--batch", "9", "--json").out());
    assertThat(together.path("outcomes")).isEqualTo(alone.path("outcomes"));
  }

  @Test
  void doctorNamesWhatItFound() {
    assertThat(run("doctor").out()).contains("java", "oneDNN", "tokenizers", "gpu");
    String kernels =
        new JsonMapper().readTree(run("doctor", "--json").out()).path("kernels").asString();
    assertThat(kernels).containsPattern("sm_90a|nvcc was not found|compiled for");
  }

  private static JsonNode canvas(Outcome outcome) {
    return new JsonMapper().readTree(outcome.out()).path("canvas");
  }

  private static Outcome run(String... arguments) {
    return Outcome.of(arguments);
  }
}
