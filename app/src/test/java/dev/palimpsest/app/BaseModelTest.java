package dev.palimpsest.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.app.terminal.Cli;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * A tiny Llama without a chat template whose tokenizer spells bytes; every list of tokens is what
 * Transformers 5.18 writes from the same files.
 */
final class BaseModelTest {
  private static final Path MODEL = Cli.home().resolve("app/src/test/resources/base-model");
  private static final Path LLADA2 =
      Cli.home().resolve("tests/src/test/resources/oracle/llada2-moe");

  @TempDir Path folder;

  @BeforeEach
  void copy() throws IOException {
    copy(MODEL);
  }

  private void copy(Path model) throws IOException {
    try (Stream<Path> files = Files.list(model)) {
      for (Path file : files.toList()) {
        Files.write(folder.resolve(file.getFileName().toString()), Files.readAllBytes(file));
      }
    }
  }

  private void rewrite(String file, String from, String to) throws IOException {
    Path path = folder.resolve(file);
    String text = Files.readString(path);
    assertThat(text).contains(from);
    Files.writeString(path, text.replace(from, to));
  }

  private void beginWithoutBos() throws IOException {
    Path file = folder.resolve("tokenizer.json");
    ObjectNode json = (ObjectNode) new JsonMapper().readTree(Files.readString(file));
    Files.writeString(file, json.putNull("post_processor").toString());
  }

  private Outcome run(String command, String... options) {
    return Outcome.of(
        Stream.of(
                Stream.of(command, "--dtype", "f32", "--model", folder.toString()),
                Arrays.stream(options))
            .flatMap(each -> each)
            .toArray(String[]::new));
  }

  private JsonNode generate(String... options) {
    Outcome outcome =
        run(
            "generate",
            Stream.concat(Stream.of("--json"), Arrays.stream(options)).toArray(String[]::new));
    assertThat(outcome.code()).as(outcome.err()).isZero();
    return new JsonMapper().readTree(outcome.out());
  }

  private static List<Integer> tokens(JsonNode generation) {
    return generation.path("tokens").values().stream().map(JsonNode::intValue).toList();
  }

  @Test
  void aPromptWithoutATemplateBeginsAsThePostProcessorSays() {
    JsonNode json = generate("--gen-length", "12", "The capital of France is");
    assertThat(json.path("prompt_tokens").intValue()).isEqualTo(25);
    assertThat(tokens(json)).containsExactly(208, 29, 4, 288, 28, 106, 6, 213, 299, 212, 205, 4);
  }

  @Test
  void aPromptInATemplateHasWhatTheTemplateWrites() throws IOException {
    rewrite(
        "tokenizer_config.json",
        "{",
        "{\"chat_template\": \"<|user|>{{ messages[0].content }}<|assistant|>\",");
    assertThat(generate("--gen-length", "1", "ab").path("prompt_tokens").intValue()).isEqualTo(4);
    // A control token of the user's is text, the template's are not.
    assertThat(generate("--gen-length", "1", "a<|eos|>b").path("prompt_tokens").intValue())
        .isEqualTo(11);
    assertThat(
            generate("--gen-length", "1", "--parse-special", "a<|eos|>b")
                .path("prompt_tokens")
                .intValue())
        .isEqualTo(5);
    rewrite("tokenizer_config.json", "{\"chat", "{\"split_special_tokens\": true, \"chat");
    assertThat(generate("--gen-length", "1", "a<|eos|>b").path("prompt_tokens").intValue())
        .isEqualTo(30);
  }

  @Test
  void outerWhiteSpaceIsKeptByEveryCommandAndOnBothSides() throws IOException {
    beginWithoutBos();
    List<Integer> expected = List.of(65, 282, 252, 166, 80, 282, 284, 79, 79, 79, 79, 79);
    JsonNode json = generate("--gen-length", "12", "def f(x):\n    ");
    assertThat(json.path("prompt_tokens").intValue()).isEqualTo(14);
    assertThat(tokens(json)).isEqualTo(expected);
    Path problems = folder.resolve("problems.jsonl");
    Files.writeString(problems, "{\"prompt\":\"def f(x):\\n    \",\"answer\":\"x\"}\n");
    Outcome eval = run("eval", "--json", "--gen-length", "12", problems.toString());
    JsonNode outcome = new JsonMapper().readTree(eval.out()).path("outcomes").path(0);
    assertThat(outcome.path("prompt_tokens").intValue()).isEqualTo(14);
    assertThat(tokens(outcome)).isEqualTo(expected);
    assertThat(outcome.path("text")).isEqualTo(json.path("text"));
    InputStream stdin = System.in;
    try {
      System.setIn(new ByteArrayInputStream("def f(x):\n    \n".getBytes(StandardCharsets.UTF_8)));
      assertThat(tokens(generate("--gen-length", "12"))).isEqualTo(expected);
    } finally {
      System.setIn(stdin);
    }
    assertThat(generate("--gen-length", "12", "   ").path("prompt_tokens").intValue()).isEqualTo(3);
  }

  @Test
  void anOverLongProblemDoesNotStopAnEvaluation() throws IOException {
    Path problems = folder.resolve("problems.jsonl");
    String problem = "{\"prompt\":\"%s\",\"answer\":\"x\"}%n";
    Files.writeString(
        problems,
        problem.formatted("a") + problem.formatted("b".repeat(600)) + problem.formatted("c"));
    Outcome eval = run("eval", "--json", problems.toString());
    assertThat(eval.code()).isZero();
    assertThat(eval.err())
        .contains("1 of 3 problems could not be run and count as wrong", "prompt of 601 tokens");
    JsonNode json = new JsonMapper().readTree(eval.out());
    assertThat(json.path("problems").intValue()).isEqualTo(3);
    assertThat(json.path("options").path("gen_length").intValue()).isEqualTo(128);
    List<Boolean> failed =
        json.path("outcomes").values().stream().map(each -> each.has("error")).toList();
    assertThat(failed).containsOnlyOnce(true).hasSize(3);
    Files.writeString(problems, problem.formatted("b".repeat(600)));
    Outcome none = run("eval", problems.toString());
    assertThat(none.code()).isEqualTo(2);
    assertThat(none.err()).contains("prompt of 601 tokens leaves no room");
  }

  @Test
  void anEmptyPromptIsNoPrompt() throws IOException {
    assertThat(generate("--gen-length", "2", "").path("prompt_tokens").intValue()).isEqualTo(1);
    beginWithoutBos();
    assertThat(run("generate", "").err()).contains("leaves a causal model nothing to go on");
    assertThat(Outcome.of("generate", "--json", "--gen-length", "8", "").out())
        .contains("\"prompt_tokens\" : 0");
    InputStream stdin = System.in;
    try {
      System.setIn(InputStream.nullInputStream());
      Outcome nothing = run("generate");
      assertThat(nothing.code()).isEqualTo(2);
      assertThat(nothing.err()).contains("standard input is empty");
    } finally {
      System.setIn(stdin);
    }
  }

  @Test
  void drawsAreSwitchedOnByDoSampleAsInTransformers() throws IOException {
    beginWithoutBos();
    Path recommended = folder.resolve("generation_config.json");
    Files.writeString(recommended, "{\"temperature\":2.0,\"top_p\":0.9,\"eos_token_id\":257}");
    for (String seed : List.of("0", "1")) {
      assertThat(tokens(generate("--gen-length", "8", "--seed", seed, "hello")))
          .containsExactly(266, 119, 288, 299, 60, 102, 198, 195);
    }
    assertThat(run("generate", "--gen-length", "1", "hello").err())
        .contains("temperature 2.0, top_p 0.9 and no do_sample");
    Files.writeString(recommended, "{\"do_sample\":true,\"top_p\":0.95,\"eos_token_id\":257}");
    List<List<Integer>> texts =
        IntStream.range(0, 3)
            .mapToObj(seed -> generate("--gen-length", "8", "--seed", "" + seed, "hello"))
            .peek(
                json -> {
                  assertThat(json.path("options").path("temperature").doubleValue()).isEqualTo(1);
                  assertThat(json.path("options").path("top_k").intValue()).isEqualTo(50);
                })
            .map(BaseModelTest::tokens)
            .toList();
    assertThat(texts).doesNotHaveDuplicates();
  }

  @Test
  void whatSamplersOfCausalModelsHaveIsThatOfTransformers() throws IOException {
    Path recommended = folder.resolve("generation_config.json");
    Files.writeString(recommended, "{\"repetition_penalty\":1.3,\"eos_token_id\":257}");
    String prompt = "hello hello hello";
    assertThat(tokens(generate("--gen-length", "8", prompt)))
        .containsExactly(2, 288, 60, 128, 207, 252, 179, 131);
    assertThat(tokens(generate("--gen-length", "8", "--repetition-penalty", "0.7", prompt)))
        .containsExactly(2, 288, 108, 278, 180, 55, 25, 128);
    Files.writeString(recommended, "{\"no_repeat_ngram_size\":2,\"max_new_tokens\":9}");
    JsonNode json = generate(prompt);
    assertThat(tokens(json)).containsExactly(2, 288, 60, 60, 251, 241, 55, 213, 146);
    assertThat(json.path("options").path("no_repeat_ngram_size").intValue()).isEqualTo(2);
    Files.writeString(
        recommended,
        "{\"no_repeat_ngram_size\":3,\"repetition_penalty\":1.1,\"eos_token_id\":257}");
    assertThat(tokens(generate("--gen-length", "12", prompt)))
        .containsExactly(2, 288, 60, 60, 60, 251, 241, 55, 213, 146, 270, 116);
    Files.writeString(recommended, "{\"eos_token_id\":60}");
    assertThat(tokens(generate("--gen-length", "12", prompt))).containsExactly(2, 288);
    Files.writeString(recommended, "{\"eos_token_id\":60,\"min_new_tokens\":6}");
    assertThat(tokens(generate("--gen-length", "12", prompt)))
        .containsExactly(2, 288, 241, 55, 196, 288, 241, 55, 288, 241, 55, 179);
    // What leaves nothing out draws what is drawn without it.
    String[] draw = {"--gen-length", "12", "--temperature", "1", "--seed", "4", prompt};
    List<Integer> plain = tokens(generate(draw));
    String[] adjusted =
        Stream.concat(Stream.of("--min-p", "1e-30"), Arrays.stream(draw)).toArray(String[]::new);
    assertThat(tokens(generate(adjusted))).isEqualTo(plain);
    assertThat(run("generate", "--min-p", "1.5", prompt).err()).contains("--min-p 1.5");
  }

  @Test
  void aTextOfBlocksIsNoLongerThanWasAskedFor() throws IOException {
    copy(LLADA2);
    // Five of the prompt and 27 positions fill the first block of 32.
    JsonNode json = generate("--gen-length", "10", "hell");
    assertThat(json.path("prompt_tokens").intValue()).isEqualTo(5);
    assertThat(json.path("canvas").size()).isEqualTo(27);
    assertThat(tokens(json)).hasSizeLessThanOrEqualTo(10);
    List<Integer> canvas = json.path("canvas").values().stream().map(JsonNode::intValue).toList();
    assertThat(canvas.subList(0, tokens(json).size())).isEqualTo(tokens(json));
    assertThat(tokens(json).size() == 10 || json.path("stopped").booleanValue()).isTrue();
  }
}
