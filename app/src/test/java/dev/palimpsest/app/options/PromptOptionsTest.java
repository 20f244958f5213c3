package dev.palimpsest.app.options;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.app.Outcome;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** What {@code generate} is to answer, in all the ways to say it. */
final class PromptOptionsTest {
  private static final String TEMPLATE =
      "{% for m in messages %}{{ m.role[0]|upper }}: {{ m.content }} {% endfor %}"
          + "{{ 'She thinks' if enable_thinking is not false }}";

  @TempDir Path folder;
  private Path model;

  @BeforeEach
  void aModelWithATemplate() throws IOException {
    model = Files.createDirectory(folder.resolve("small-Instruct"));
    try (Stream<Path> files = Files.list(ModelOptions.bundled())) {
      for (Path each : files.toList()) {
        Files.copy(each, model.resolve(each.getFileName()));
      }
    }
    template(TEMPLATE);
  }

  private void template(String template) throws IOException {
    Path file = model.resolve("tokenizer_config.json");
    ObjectNode config = (ObjectNode) new JsonMapper().readTree(Files.readString(file));
    config.put("chat_template", template);
    Files.writeString(file, config.toString());
  }

  private Outcome generate(String... arguments) {
    List<String> all =
        new ArrayList<>(
            List.of("generate", "--json", "--gen-length", "1", "--steps", "1", "--block-length"));
    all.addAll(List.of("1", "--model", model.toString()));
    all.addAll(List.of(arguments));
    return Outcome.of(all.toArray(String[]::new));
  }

  private Outcome generate(byte[] input, String... arguments) {
    InputStream stdin = System.in;
    try {
      System.setIn(new ByteArrayInputStream(input));
      return generate(arguments);
    } finally {
      System.setIn(stdin);
    }
  }

  private static JsonNode json(Outcome outcome) {
    assertThat(outcome.code()).as(outcome.err()).isZero();
    return new JsonMapper().readTree(outcome.out());
  }

  private static int promptTokens(Outcome outcome) {
    return json(outcome).path("prompt_tokens").intValue();
  }

  @Test
  void anArgumentIsTakenAsItIs() throws IOException {
    Files.delete(model.resolve("tokenizer_config.json"));
    for (String prompt : List.of("@notes.txt", " Maya has 2 marbles.\n", "a\n    ", "")) {
      assertThat(json(generate(prompt)).path("prompt").stringValue()).isEqualTo(prompt);
    }
    assertThat(json(generate("--", "-1")).path("prompt").stringValue()).isEqualTo("-1");
  }

  @Test
  void aFileOrStandardInputLosesItsLastLineEndAlone() throws IOException {
    Path file = Files.writeString(folder.resolve("prompt.txt"), "\uFEFF Maya \n\n");
    byte[] bytes = " é😀日\r\n".getBytes(StandardCharsets.UTF_8);
    assertThat(json(generate("--prompt-file", file.toString())).path("prompt").stringValue())
        .isEqualTo(" Maya \n");
    assertThat(json(generate(bytes)).path("prompt").stringValue()).isEqualTo(" é😀日");
    assertThat(json(generate(bytes, "-")).path("prompt").stringValue()).isEqualTo(" é😀日");
    assertThat(json(generate(bytes, "--prompt-file", "-")).path("prompt").stringValue())
        .isEqualTo(" é😀日");
    assertThat(generate(new byte[] {'a', '\n', (byte) 0xe9}).err())
        .contains("standard input: line 2 is not UTF-8");
    assertThat(generate("--prompt-file", file.toString(), "x").code()).isEqualTo(2);
    assertThat(generate("--prompt-file", folder + "/none").err()).contains("/none");
  }

  @Test
  void anAtSignBeforeTheNameOfAFileIsAPromptAndAHint() throws IOException {
    Path file = Files.writeString(folder.resolve("notes.txt"), "Maya has 2 marbles.");
    Outcome outcome = generate("@" + file);
    assertThat(json(outcome).path("prompt").stringValue()).isEqualTo("@" + file);
    assertThat(outcome.err())
        .contains(
            "the prompt is the text '@%1$s': --prompt-file %1$s reads the file".formatted(file));
    assertThat(generate("@" + file + "s").err()).doesNotContain("--prompt-file");
  }

  @Test
  void standardInputThatIsATerminalSaysWhatItWaitsFor() {
    byte[] bytes = "Maya has 2 marbles.\n".getBytes(StandardCharsets.UTF_8);
    assertThat(generate(bytes, "-").err()).doesNotContain("Ctrl-D");
    System.setProperty("palimpsest.stdin.terminal", "true");
    try {
      assertThat(generate(bytes, "-").err())
          .contains("palimpsest: type the prompt, then a line end and Ctrl-D");
      assertThat(generate(bytes).err()).contains("no prompt: give one as an argument");
    } finally {
      System.clearProperty("palimpsest.stdin.terminal");
    }
  }

  @Test
  void aSystemMessageAndHistoryComeBeforeThePrompt() throws IOException {
    Path history =
        Files.writeString(
            folder.resolve("history.json"),
            """
            [{"role": "user", "content": "Maya has 2."},
             {"role": "assistant", "content": "She has 2."}]""");
    Outcome whole = generate("--messages", history.toString(), "--system", "has", "She gives 1.");
    template("S: has U: Maya has 2. A: She has 2. U: She gives 1. She thinks");
    assertThat(promptTokens(whole)).isEqualTo(promptTokens(generate("any")));
    assertThat(json(whole).path("prompt").stringValue()).isEqualTo("She gives 1.");
  }

  @Test
  void aConversationNeedsNoPrompt() throws IOException {
    Path file =
        Files.writeString(
            folder.resolve("c.json"),
            "{\"messages\": [{\"role\": \"user\", \"content\": \"Maya has 2.\"}]}");
    assertThat(promptTokens(generate("--messages", file.toString())))
        .isEqualTo(promptTokens(generate("Maya has 2.")));
    Files.writeString(file, "[{\"role\": \"assistant\", \"content\": \"4\"}]");
    assertThat(generate("--messages", file.toString()).err())
        .contains("ends with the assistant's message");
    Files.writeString(file, "[{\"role\": \"system\", \"content\": \"4\"}]");
    assertThat(generate("--messages", file.toString(), "--system", "5", "6").err())
        .contains("has a system message of its own");
    for (String wrong : List.of("[]", "{}", "[1]", "[{\"content\": \"4\"}]", "[", "4")) {
      Files.writeString(file, wrong);
      Outcome outcome = generate("--messages", file.toString());
      assertThat(outcome.code()).isEqualTo(1);
      assertThat(outcome.err()).contains(file + ": ").hasLineCount(1);
    }
  }

  @Test
  void aTemplateVariableIsJsonOrAText() throws IOException {
    int thinking = promptTokens(generate("Maya"));
    for (String off : List.of("enable_thinking=false", "enable_thinking=False")) {
      Outcome outcome = generate("--template-var", off, "Maya");
      assertThat(promptTokens(outcome)).isLessThan(thinking);
      assertThat(outcome.err()).doesNotContain("chat template");
    }
    assertThat(promptTokens(generate("--template-var", "enable_thinking=no", "Maya")))
        .isEqualTo(thinking);
    assertThat(generate("--template-var", "nosuch=1", "Maya").err())
        .contains("palimpsest: the model's chat template does not use \"nosuch\"");
    assertThat(generate("--template-var", "messages=1", "Maya").code()).isEqualTo(2);
  }

  @Test
  void aModelWithoutATemplateSaysSo() throws IOException {
    Files.delete(model.resolve("tokenizer_config.json"));
    assertThat(generate("Maya").err())
        .contains(
            model + " has no chat template, so the model is given the bare text of the prompt");
    Outcome refused = generate("--system", "has", "Maya");
    assertThat(refused.code()).isEqualTo(1);
    assertThat(refused.err()).contains("the model has no chat template");
  }
}
