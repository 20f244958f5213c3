package dev.palimpsest.app.options;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.app.Outcome;
import dev.palimpsest.app.terminal.Cli;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** What a checkpoint's generation_config.json recommends, as a user of the commands meets it. */
final class GenerationConfigTest {
  private static final String PROBLEM = "Ann has 3 cats. How many cats does Ann have now?";
  private static final Path MODELS = Cli.home().resolve("models");
  private static final Path SDAR = Cli.home().resolve("tests/src/test/resources/oracle/sdar");

  @TempDir Path folder;

  @Test
  void recommendedDrawsAreTheDefaultsOfDecoding() throws IOException {
    copy(MODELS.resolve("abacus-ar"));
    recommend(
        "{\"do_sample\":true,\"temperature\":0.6,\"top_k\":20,\"top_p\":0.95,\"bos_token_id\":1}");
    JsonNode options = generate().path("options");
    assertThat(options.path("temperature").doubleValue()).isEqualTo(0.6);
    assertThat(options.path("top_p").doubleValue()).isEqualTo(0.95);
    assertThat(options.path("top_k").intValue()).isEqualTo(20);
  }

  @Test
  void anOptionThatIsGivenComesFirst() throws IOException {
    copy(MODELS.resolve("abacus-ar"));
    recommend("{\"temperature\":0.6,\"top_k\":20,\"top_p\":0.95}");
    JsonNode options = generate("--top-k", "3", "--temperature", "0.5").path("options");
    assertThat(options.path("temperature").doubleValue()).isEqualTo(0.5);
    assertThat(options.path("top_k").intValue()).isEqualTo(3);
    assertThat(options.path("top_p").doubleValue()).isEqualTo(0.95);
  }

  @ParameterizedTest(name = "{0} {1}")
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"do_sample\":false,\"temperature\":0.6,\"top_k\":20,\"top_p\":0.9}|--seed|1",
        "{\"temperature\":0.6,\"top_k\":20,\"top_p\":0.9}|--temperature|0",
        "{\"temperature\":null}|--seed|1",
      })
  void theArgmaxIsOfAllTokens(String recommended, String option, String value) throws IOException {
    copy(MODELS.resolve("abacus-ar"));
    recommend(recommended);
    JsonNode options = generate(option, value).path("options");
    assertThat(options.path("temperature").doubleValue()).isZero();
    assertThat(options.path("top_p").doubleValue()).isEqualTo(1);
    assertThat(options.path("top_k").intValue()).isZero();
  }

  @Test
  void lladasSamplerTakesTheTemperatureAlone() throws IOException {
    copy(MODELS.resolve("abacus-mdm"));
    recommend("{\"gen_length\":16,\"temperature\":0.5,\"top_p\":0.9,\"top_k\":7}");
    JsonNode own = generate().path("options");
    assertThat(own.path("temperature").doubleValue()).isEqualTo(0.5);
    assertThat(own.has("top_p")).isFalse();
    JsonNode other = generate("--sampler", "dream").path("options");
    assertThat(other.path("gen_length").intValue()).isEqualTo(16);
    assertThat(other.path("top_p").doubleValue()).isEqualTo(0.9);
    assertThat(other.path("top_k").intValue()).isEqualTo(7);
  }

  @Test
  void aTextEndsWithAnyOfTheRecommendedIds() throws IOException {
    copy(MODELS.resolve("abacus-ar"));
    List<Integer> plain = tokens(generate());
    int third = plain.get(2);
    recommend("{\"eos_token_id\":[3,1,2,%d]}".formatted(third));
    Path trace = folder.resolve("stopped.trace.jsonl");
    JsonNode stopped = generate("--trace", trace.toString());
    assertThat(Files.readString(trace)).contains("\"other_stops\":[2," + third + "]");
    assertThat(Outcome.of("replay", "--model", folder.toString(), trace.toString()).out())
        .contains("are the same to the last bit");
    assertThat(stopped.path("stopped").booleanValue()).isTrue();
    assertThat(tokens(stopped)).isEqualTo(plain.subList(0, plain.indexOf(third)));
    assertThat(inspect().out()).contains("eos ids                    [3, 1, 2, " + third + "]");
  }

  @Test
  void inspectShowsWhatIsRecommended() throws IOException {
    copy(MODELS.resolve("abacus-ar"));
    assertThat(inspect().out()).contains("recommended                nothing");
    recommend("{\"do_sample\":true,\"temperature\":0.7,\"top_p\":0.8,\"top_k\":20}");
    assertThat(inspect().out())
        .contains("sampler                    decode")
        .contains("recommended                temperature 0.7, top_p 0.8, top_k 20");
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"do_sample\":true,\"temperature\":\"hot\"}|temperature is \"hot\"; a number of 0 or above",
        "{\"do_sample\":true,\"temperature\":-1}|temperature is -1",
        "{\"do_sample\":true,\"top_p\":0}|top_p is 0; a number above 0, up to 1",
        "{\"do_sample\":true,\"top_p\":1.5}|top_p is 1.5",
        "{\"do_sample\":true,\"top_k\":2.5}|top_k is 2.5; an integer",
        "{\"do_sample\":1}|do_sample is 1; true or false",
        "{\"eos_token_id\":[3,\"a\"]}|eos_token_id is \"a\"",
        "{\"gen_length\":0}|gen_length is 0",
        "{\"steps\":\"all\"}|steps is \"all\"",
        "[]|does not hold a JSON object",
      })
  void aMalformedValueIsRefusedByItsKey(String recommended, String complaint) throws IOException {
    copy(MODELS.resolve("abacus-ar"));
    recommend(recommended);
    for (Outcome outcome :
        List.of(Outcome.of("generate", "--model", folder.toString(), PROBLEM), inspect())) {
      assertThat(outcome.code()).isEqualTo(1);
      assertThat(outcome.err().lines()).hasSize(1);
      assertThat(outcome.err()).contains("generation_config.json", complaint);
    }
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"eos_token_id\":106}|eos_token_id 106, which is not used",
        "{\"eos_token_id\":[3,-1]}|eos_token_id -1, which is not used",
        "{\"do_sample\":true,\"temperature\":0,\"top_k\":-1}|top_k -1",
        "{\"do_sample\":false,\"top_k\":-5}|top_k -5",
        "{\"do_sample\":false,\"temperature\":\"hot\"}|temperature \"hot\"",
        "{\"top_p\":0.5}|top_p 0.5 and no do_sample",
        "{\"num_beams\":4,\"typical_p\":0.9,\"min_length\":0}|num_beams 4, typical_p 0.9, which",
        "{\"suppress_tokens\":[1]}|suppress_tokens [1]",
      })
  void whatIsNotHeededIsToldOnce(String recommended, String notice) throws IOException {
    copy(MODELS.resolve("abacus-ar"));
    recommend(recommended);
    Outcome generated =
        Outcome.of("generate", "--json", "--gen-length", "2", "--model", folder.toString(), "2");
    for (Outcome outcome : List.of(generated, inspect())) {
      assertThat(outcome.code()).isZero();
      assertThat(outcome.err().lines().filter(line -> line.contains(notice))).hasSize(1);
    }
  }

  @Test
  void aRecommendationThatChangesNothingIsNotTold() throws IOException {
    copy(MODELS.resolve("abacus-ar"));
    recommend(
        "{\"num_beams\":1,\"typical_p\":1.0,\"repetition_penalty\":1.0,\"forced_eos_token_id\":null,"
            + "\"transformers_version\":\"5.18.0\",\"use_cache\":true}");
    assertThat(inspect().err()).isEmpty();
  }

  @Test
  void theMaskEndsNoText() throws IOException {
    copy(MODELS.resolve("abacus-mdm"));
    recommend("{\"eos_token_id\":[3,4]}");
    assertThat(inspect().err()).contains("eos_token_id is [3,4]; ids other than the mask's");
  }

  @Test
  void aBlockCausalModelRunsWithTheBlockLengthThatIsAskedFor() throws IOException {
    copy(SDAR);
    for (String name : List.of("tokenizer.json", "tokenizer_config.json")) {
      Files.copy(MODELS.resolve("abacus-ar").resolve(name), folder.resolve(name));
    }
    assertThat(blocks(generate("--gen-length", "16"))).isEqualTo(4);
    Path trace = folder.resolve("eight.trace.jsonl");
    JsonNode eight =
        generate("--gen-length", "16", "--block-length", "8", "--trace", trace.toString());
    assertThat(blocks(eight)).isEqualTo(8);
    assertThat((eight.path("prompt_tokens").intValue() + eight.path("canvas").size()) % 8).isZero();
    assertThat(Outcome.of("replay", "--model", folder.toString(), trace.toString()).out())
        .contains("are the same to the last bit");
    assertThat(Outcome.of("generate", "--model", folder.toString(), "--block-length", "0", PROBLEM))
        .satisfies(outcome -> assertThat(outcome.code()).isEqualTo(2))
        .satisfies(outcome -> assertThat(outcome.err()).contains("--block-length 0"));
    recommend("{\"block_length\":16}");
    assertThat(blocks(generate("--gen-length", "16"))).isEqualTo(16);
    assertThat(inspect().out()).contains("block-causal, blocks of 16");
  }

  private static int blocks(JsonNode generation) {
    assertThat(generation.path("complete").booleanValue()).isTrue();
    return generation.path("options").path("block_length").intValue();
  }

  private static List<Integer> tokens(JsonNode generation) {
    return generation.path("tokens").values().stream().map(JsonNode::intValue).toList();
  }

  private JsonNode generate(String... options) {
    List<String> command =
        Stream.of(
                Stream.of("generate", "--json", "--model", folder.toString()),
                Stream.of(options),
                Stream.of(PROBLEM))
            .flatMap(each -> each)
            .toList();
    Outcome outcome = Outcome.of(command.toArray(String[]::new));
    assertThat(outcome.code()).as(outcome.err()).isZero();
    return new JsonMapper().readTree(outcome.out());
  }

  private Outcome inspect() {
    return Outcome.of("inspect", folder.toString());
  }

  private void copy(Path model) throws IOException {
    try (Stream<Path> files = Files.list(model)) {
      for (Path file : files.toList()) {
        Files.copy(file, folder.resolve(file.getFileName().toString()));
      }
    }
  }

  private void recommend(String json) throws IOException {
    Files.writeString(folder.resolve("generation_config.json"), json);
  }
}
