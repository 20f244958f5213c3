package dev.palimpsest.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.palimpsest.sampler.method.InvalidOptionException;
import dev.palimpsest.sampler.method.SamplingOptions;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;

/** What a stranger finds in the first hour: help, examples, hints, completion. */
final class HelpTest {
  private static Stream<CommandLine> commands() {
    return withSubcommands(Main.commandLine(new Main()));
  }

  private static Stream<CommandLine> withSubcommands(CommandLine command) {
    return Stream.concat(
        Stream.of(command),
        command.getSubcommands().values().stream().flatMap(HelpTest::withSubcommands));
  }

  @ParameterizedTest
  @MethodSource("commands")
  void everyCommandShowsExamplesThatAreValid(CommandLine command) {
    String name = command.getCommandSpec().qualifiedName();
    List<String> examples = Examples.of(name);
    assertThat(examples).hasSizeBetween(1, 3);
    for (String example : examples) {
      List<String> words = words(example);
      assertThat(words.getFirst()).isEqualTo("./palimpsest");
      List<String> path = List.of(name.split(" ", -1));
      assertThat(words.subList(1, words.size())).containsAll(path.subList(1, path.size()));
      Main.commandLine(new Main())
          .setCaseInsensitiveEnumValuesAllowed(true)
          .parseArgs(words.subList(1, words.size()).toArray(String[]::new));
    }
  }

  /** As a shell splits them, as far as the examples need it. */
  private static List<String> words(String line) {
    String one = line.replace("\\\n", "").replaceAll("^source <\\((.*)\\)$", "$1");
    List<String> words = new ArrayList<>();
    Matcher matcher = Pattern.compile("\"([^\"]*)\"|'([^']*)'|([^\\s\"']+)").matcher(one);
    while (matcher.find()) {
      words.add(
          Stream.of(1, 2, 3).map(matcher::group).filter(each -> each != null).findFirst().get());
    }
    return words;
  }

  @ParameterizedTest
  @MethodSource("commands")
  void everyOptionIsInOneGroupAndEveryGroupIsShown(CommandLine command) {
    Map<String, List<OptionSpec>> groups = GroupedHelp.groups(command.getCommandSpec());
    assertThat(groups.values().stream().flatMap(List::stream))
        .containsExactlyInAnyOrderElementsOf(command.getCommandSpec().options());
    String help = command.getUsageMessage();
    assertThat(help.lines()).allMatch(line -> line.length() <= 80);
    assertThat(help.lines())
        .containsSubsequence(groups.keySet().stream().map(each -> each + ":").toList());
    assertThat(groups.keySet()).contains("General");
  }

  @Test
  void generateHasAGroupForEachSamplerWithTheOptionsThatNoOtherTakes() {
    CommandLine generate =
        Objects.requireNonNull(Main.commandLine(new Main()).getSubcommands().get("generate"));
    Map<String, List<OptionSpec>> groups = GroupedHelp.groups(generate.getCommandSpec());
    assertThat(groups.keySet())
        .containsSubsequence("Prompt", "Model")
        .containsSubsequence("Steps and output", "Trace", "Machine", "General");
    assertThat(names(groups, "Sampler dream"))
        .containsExactly("--alg", "--alg-temp", "--eps", "--batch-mean-k");
    assertThat(names(groups, "Sampler llada"))
        .containsExactly("--cfg-scale", "--factor", "--logits-eos-inf", "--confidence-eos-eot-inf");
    assertThat(names(groups, "Machine"))
        .containsExactly("--audit", "--device", "--fast-gemm", "--threads");
    for (String sampler : SamplingOptions.SAMPLERS) {
      for (String option : names(groups, "Sampler " + sampler)) {
        String name = option.substring(2).replace('-', '_');
        assertThat(SamplingOptions.names(sampler)).contains(name);
        for (String other : SamplingOptions.SAMPLERS) {
          if (!other.equals(sampler)) {
            assertThatThrownBy(() -> SamplingOptions.of(other, Map.of(name, "x")))
                .isInstanceOf(InvalidOptionException.class)
                .hasMessageContaining(
                    "is no option of the sampler " + other + ", but of " + sampler);
          }
        }
      }
    }
  }

  private static List<String> names(Map<String, List<OptionSpec>> groups, String group) {
    return groups.getOrDefault(group, List.of()).stream().map(OptionSpec::longestName).toList();
  }

  @Test
  void helpIsThatOfTheNamedCommandAndWithoutArgumentsOfAll() {
    assertThat(Outcome.of("help", "trace", "show"))
        .isEqualTo(Outcome.of("trace", "show", "--help"));
    assertThat(Outcome.of("help")).isEqualTo(Outcome.of("--help")).isEqualTo(Outcome.of());
    assertThat(Outcome.of().out()).contains("generate", "completion", "help");
    assertThat(Outcome.of("branch", "--help").out())
        .startsWith(
            "Usage: palimpsest branch [OPTIONS] --at=STEP --edit=EDIT --to=FILE TRACE\n"
                .replace("\n", System.lineSeparator()));
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      value = {
        "genrate x | 'genrate' is no command of palimpsest: did you mean generate?",
        "gen x | 'gen' is no command of palimpsest: did you mean generate?",
        "trace shwo | 'shwo' is no command of palimpsest trace: did you mean show?",
        "help trce | 'trce' is no command of palimpsest: did you mean trace?",
        "xyzzy | 'xyzzy' is no command of palimpsest (see",
        "generate --treshold 0.9 x | '--treshold' is no option of palimpsest generate: did you mean"
            + " --threshold?",
        "generate --gen-lenght=8 x | did you mean --gen-length?",
        "inspect --jsno | did you mean --json?",
        "generate -hello | '-hello' is no option of palimpsest generate: write -- before a prompt"
            + " that begins with a dash",
        "audit -what? x | write -- before a prompt that begins with a dash",
        "inspect -what? | '-what?' is no option of palimpsest inspect (see",
        "generate Maya has | 'has' is one argument too many: put a prompt with spaces in quotes",
        "inspect a b | 'b' is one argument too many (see",
        "generate --device gpu x | --device gpu is unknown: use auto, host or cuda",
        "generate --dtype f64 x | --dtype f64 is unknown: use f32 or bf16",
        "generate --threads many x | --threads many is invalid: use a whole number",
        "generate --seed 1.5 x | --seed 1.5 is invalid: use a whole number",
        "generate --seed 99999999999999999999 x | --seed 99999999999999999999 has too many digits",
        "generate --top-p= x | --top-p '' is invalid: use a number",
        "findings --at 3;x | is invalid: use a whole number",
        "generate --template-var x y | --template-var x is invalid: use NAME=VALUE",
        "trace stats --answer-pattern ( x | --answer-pattern ( is no regular expression: Unclosed"
            + " group",
      })
  void whatIsMistypedIsAnsweredWithWhatWouldBeRight(String typed, String said) {
    Outcome outcome = Outcome.of(typed.split(" ", -1));
    assertThat(outcome.code()).isEqualTo(2);
    assertThat(outcome.out()).isEmpty();
    assertThat(outcome.err()).startsWith("palimpsest: ").contains(said).hasLineCount(1);
    assertThat(outcome.err()).doesNotContain("[", "picocli", "Optional");
  }

  @Test
  void anOptionOfOtherSamplersSaysWhose() {
    assertThat(Outcome.of("generate", "--alg", "entropy", "x").err())
        .contains("--alg entropy is no option of the sampler llada, but of dream");
    assertThat(Outcome.of("generate", "--sampler", "dream", "--threshold", "0.9", "x").err())
        .contains("is no option of the sampler dream, but of llada and block and sub_block");
  }

  @Test
  void theCompletionScriptCompletesCommandsOptionsAndValues(@TempDir Path folder)
      throws IOException, InterruptedException {
    Path script =
        Files.writeString(folder.resolve("script"), Outcome.of("completion", "bash").out());
    assertThat(completed(script, "palimpsest", "gen")).containsExactly("generate");
    assertThat(completed(script, "palimpsest", "trace", "s")).containsExactly("show", "stats");
    assertThat(completed(script, "palimpsest", "generate", "--alg"))
        .containsExactly("--alg", "--alg-temp");
    assertThat(Outcome.of("completion", "zsh").out())
        .startsWith("autoload")
        .contains("bashcompinit");
    assertThat(Outcome.of("completion", "fish").err()).contains("SHELL fish", "use bash or zsh");
  }

  private static List<String> completed(Path script, String... words)
      throws IOException, InterruptedException {
    String program =
        "source %s; COMP_WORDS=(%s); COMP_CWORD=%d; _complete_palimpsest; printf '%%s\\n' \"${COMPREPLY[@]}\""
            .formatted(script, String.join(" ", words), words.length - 1);
    Process process =
        new ProcessBuilder("bash", "-c", program)
            .redirectError(ProcessBuilder.Redirect.DISCARD) // compopt works at a prompt alone
            .start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(said).isZero();
    return said.lines().map(String::strip).distinct().sorted().toList();
  }

  @Test
  void quietLeavesOutAllButErrorsAndTheResult() {
    String prompt = "Maya has 24 zeppelins. How many zeppelins are there now?";
    Outcome loud = Outcome.of("generate", prompt);
    Outcome quiet = Outcome.of("generate", "--quiet", "--watch", prompt);
    assertThat(loud.err()).contains("zeppelins", "forwards");
    assertThat(quiet).isEqualTo(new Outcome(0, loud.out(), ""));
    assertThat(Outcome.of("generate", "--quiet", "--model", "no/such/model", "x").err())
        .contains("no/such/model")
        .hasLineCount(1);
    assertThat(Outcome.of("generate", prompt).err()).as("the next run").contains("forwards");
  }
}
