package dev.palimpsest.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.app.terminal.Cli;
import dev.palimpsest.app.terminal.StandardOutput;
import dev.palimpsest.app.trace.FakeTraces;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** Every command on an output that takes nothing. */
final class StandardOutputTest {
  private static final String FULL = "No space left on device";

  @TempDir private static Path folder;

  @BeforeAll
  static void write() throws IOException {
    Files.writeString(folder.resolve("rows.jsonl"), "{\"prompt\": \"Omar\"}\n");
    Files.writeString(
        folder.resolve("scored.jsonl"), "{\"prompt\": \"Omar has\", \"completion\": \" 5\"}\n");
    FakeTraces.write(folder.resolve("fake.trace.jsonl"), 12, 6, 1, true);
    Files.writeString(folder.resolve("frames.jsonl"), "{\"text\":\"3 + 4\"}");
    Outcome outcome =
        Outcome.of("generate", "--trace", folder.resolve("a.trace.jsonl").toString(), "Omar");
    assertThat(outcome.code()).as(outcome.err()).isZero();
    Outcome told =
        Outcome.of(
            "generate",
            "--steps",
            "4",
            "--trace",
            folder.resolve("told.trace.jsonl").toString(),
            "Leo has 31 pens. First he finds 5 more. How many pens does Leo have now?");
    assertThat(told.code()).as(told.err()).isZero();
  }

  /** What every command is called with; FOLDER is that of the traces, HOME the project's. */
  private static final Map<String, String> CALLS =
      Map.ofEntries(
          Map.entry("generate", "Omar"),
          Map.entry("eval", "--limit 1"),
          Map.entry("batch", "FOLDER/rows.jsonl FOLDER/texts.jsonl"),
          Map.entry("score", "--method chain FOLDER/scored.jsonl"),
          Map.entry(
              "compare",
              "--limit 1 --concurrency 1 --warm-up 0 --out FOLDER HOME/models/abacus-ar"),
          Map.entry("inspect", "HOME/models/abacus-ar"),
          Map.entry("verify", "HOME/tests/src/test/resources/oracle/llada-mha"),
          Map.entry("trace", ""),
          Map.entry("trace show", "FOLDER/fake.trace.jsonl"),
          Map.entry("trace check", "FOLDER/fake.trace.jsonl"),
          Map.entry("trace stats", "FOLDER/fake.trace.jsonl"),
          Map.entry("trace legibility", "FOLDER/fake.trace.jsonl --corpus HOME/README.md"),
          Map.entry("trace import", "FOLDER/frames.jsonl --to FOLDER/frames.trace.jsonl"),
          Map.entry("trace export", "FOLDER/fake.trace.jsonl --to FOLDER/fake.csv"),
          Map.entry("replay", "FOLDER/a.trace.jsonl --from 47"),
          Map.entry("branch", "FOLDER/a.trace.jsonl --at 47 --edit none --to FOLDER/b.trace.jsonl"),
          Map.entry("audit", "--steps 2 --gen-length 8 --block-length 8 Omar"),
          Map.entry("findings", "--limit 1 --to FOLDER/findings"),
          Map.entry("battery", "--limit 1 --parts direction --to FOLDER/battery"),
          Map.entry("view", "FOLDER/fake.trace.jsonl"),
          Map.entry("lens", "FOLDER/told.trace.jsonl"),
          Map.entry("probe", ""),
          Map.entry("probe export", "FOLDER/a.trace.jsonl --to FOLDER/a.safetensors"),
          Map.entry("doctor", ""),
          Map.entry("help", "trace"),
          Map.entry("completion", "bash"));

  private static Stream<String> commandsWithAResult() {
    return commands()
        .filter(command -> !command.equals("serve")) // it says nothing there
        .filter(command -> !command.equals("probe fit")); // it needs traces of many problems
  }

  @ParameterizedTest
  @MethodSource("commandsWithAResult")
  void everyCommandSaysThatItsResultIsLost(String command) {
    assertThat(CALLS).as("a call for every command").containsKey(command);
    String call =
        (command + " " + CALLS.get(command))
            .replace("FOLDER", folder.toString())
            .replace("HOME", Cli.home().toString());
    assertLost(Stream.of(call.strip().split(" ", -1)).toArray(String[]::new));
  }

  @ParameterizedTest
  @MethodSource("commands")
  void everyHelpTextSaysSoToo(String command) {
    assertLost((command + " --help").split(" ", -1));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "--help",
        "--version",
        "inspect --json HOME/models/abacus-ar",
        "batch FOLDER/rows.jsonl -"
      })
  void soDoesWhatIsNoCommandAndWhatIsForAProgram(String call) {
    assertLost(
        call.replace("HOME", Cli.home().toString())
            .replace("FOLDER", folder.toString())
            .split(" ", -1));
  }

  @Test
  void aReaderThatHasEnoughEndsTheCommandWithoutAWord() {
    Outcome outcome = onto(failing("Broken pipe"), "--help");
    assertThat(outcome.code()).isEqualTo(141);
    assertThat(outcome.err()).isEmpty();
  }

  @Test
  void aFailureThatComesWithTheLastFlushIsSeen() {
    OutputStream late =
        new ByteArrayOutputStream() {
          @Override
          public void flush() throws IOException {
            throw new IOException(FULL);
          }
        };
    assertThat(onto(late, "--version").code()).isEqualTo(1);
  }

  private static void assertLost(String... arguments) {
    Outcome outcome = onto(failing(FULL), arguments);
    assertThat(outcome.err().lines().toList())
        .as(outcome.err())
        .last()
        .isEqualTo("palimpsest: standard output could not be written: No space left on device.");
    assertThat(outcome.code()).isEqualTo(1);
  }

  private static OutputStream failing(String why) {
    return new OutputStream() {
      @Override
      public void write(int value) throws IOException {
        throw new IOException(why);
      }
    };
  }

  private static Outcome onto(OutputStream target, String... arguments) {
    PrintStream out = System.out;
    PrintStream err = System.err;
    ByteArrayOutputStream errors = new ByteArrayOutputStream();
    try (PrintStream newErr = new PrintStream(errors, true, StandardCharsets.UTF_8)) {
      System.setOut(StandardOutput.of(target));
      System.setErr(newErr);
      return new Outcome(Main.run(arguments), "", errors.toString(StandardCharsets.UTF_8));
    } finally {
      System.setOut(out);
      System.setErr(err);
    }
  }

  private static Stream<String> commands() {
    return Main.commandLine(new Main()).getSubcommands().values().stream()
        .flatMap(StandardOutputTest::withSubcommands)
        .map(each -> each.getCommandSpec().qualifiedName().replaceFirst("^palimpsest ", ""));
  }

  private static Stream<CommandLine> withSubcommands(CommandLine command) {
    return Stream.concat(
        Stream.of(command),
        command.getSubcommands().values().stream().flatMap(StandardOutputTest::withSubcommands));
  }
}
