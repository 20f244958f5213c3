package dev.palimpsest.engine.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.palimpsest.engine.checkpoint.CheckpointException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

final class ChatTemplateTest {
  private static final JsonMapper MAPPER = JsonMapper.builder().build();

  /** LLaDA-8B-Instruct's, as published. */
  private static final String LLADA =
      "{% set loop_messages = messages %}{% for message in loop_messages %}{% set content ="
          + " '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content']"
          + " | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content"
          + " %}{% endif %}{{ content }}{% endfor %}{% if add_generation_prompt %}{{"
          + " '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}";

  private static final String CHATML =
      """
      {%- for message in messages %}
          {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
      {%- endfor %}
      {%- if add_generation_prompt %}
          {{- '<|im_start|>assistant\\n' }}
      {%- endif %}
      """;

  private static final Conversation CONVERSATION =
      new Conversation(
          List.of(
              Conversation.message("user", " What is 2+2?\n"),
              Conversation.message("assistant", "4"),
              Conversation.message("user", "Sure?")),
          Map.of());

  @TempDir Path folder;

  private ChatTemplate write(String template) {
    ObjectNode config = MAPPER.createObjectNode();
    config.put("chat_template", template).put("bos_token", "<|startoftext|>");
    config.putObject("eos_token").put("content", "<|endoftext|>");
    write("tokenizer_config.json", config.toString());
    return ChatTemplate.open(folder).orElseThrow();
  }

  private void write(String name, String text) {
    try {
      Files.writeString(folder.resolve(name), text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private String render(String template) {
    return write(template).render(CONVERSATION, false);
  }

  @Test
  void lladasTemplateWritesThePublishedPrompt() {
    ChatTemplate template = write(LLADA);
    assertThat(template.render(Conversation.ofUser("{c}"), true))
        .isEqualTo(
            "<|startoftext|><|start_header_id|>user<|end_header_id|>\n\n{c}<|eot_id|>"
                + "<|start_header_id|>assistant<|end_header_id|>\n\n");
    assertThat(template.render(CONVERSATION, false))
        .isEqualTo(
            "<|startoftext|><|start_header_id|>user<|end_header_id|>\n\nWhat is 2+2?<|eot_id|>"
                + "<|start_header_id|>assistant<|end_header_id|>\n\n4<|eot_id|>"
                + "<|start_header_id|>user<|end_header_id|>\n\nSure?<|eot_id|>");
  }

  @Test
  void chatMlKeepsContentAndDropsTheTemplatesOwnWhitespace() {
    assertThat(write(CHATML).render(CONVERSATION, true))
        .isEqualTo(
            """
            <|im_start|>user
             What is 2+2?
            <|im_end|>
            <|im_start|>assistant
            4<|im_end|>
            <|im_start|>user
            Sure?<|im_end|>
            <|im_start|>assistant
            """);
  }

  @Test
  void blocksAreTrimmedAsTransformersDoes() {
    String template =
        """
        {% for m in messages %}
          {% if loop.first %}
        A
          {% endif %}
        {{ m.role }}
        {% endfor %}
        """;
    assertThat(render(template)).isEqualTo("A\nuser\nassistant\nuser\n");
  }

  @Test
  void theDemoModelsTemplateWritesItsPrompt() {
    ChatTemplate template = ChatTemplate.open(TokenizerTest.abacus()).orElseThrow();
    assertThat(template.render(Conversation.ofUser("Ann has 3 cats."), true))
        .isEqualTo("<|user|> Ann has 3 cats.<|assistant|>");
  }

  @ParameterizedTest
  @ValueSource(strings = {"{{ 7 * 7 }}", "{% include '/etc/passwd' %}", "{# x #}", "<b>&'\"</b>"})
  void aMessageIsNeverATemplateAndIsNotEscaped(String content) {
    assertThat(write(CHATML).render(Conversation.ofUser(content), false))
        .isEqualTo("<|im_start|>user\n" + content + "<|im_end|>\n");
  }

  @Test
  void specialTokensMayBeStringsOrObjectsAndUndefinedOnesAreEmpty() {
    assertThat(render("{{ bos_token }}{{ eos_token }}[{{ pad_token }}]"))
        .isEqualTo("<|startoftext|><|endoftext|>[]");
  }

  @Test
  void aListOfTemplatesHasADefault() {
    write(
        "tokenizer_config.json",
        "{\"chat_template\":[{\"name\":\"tools\",\"template\":\"T\"},"
            + "{\"name\":\"default\",\"template\":\"D\"}]}");
    assertThat(ChatTemplate.open(folder).orElseThrow().render(CONVERSATION, true)).isEqualTo("D");
  }

  @Test
  void aFileBesideTheConfigComesFirst() {
    write("chat_template.jinja", "{{ bos_token }}J\n");
    assertThat(render("C")).isEqualTo("<|startoftext|>J");
  }

  @Test
  void aModelMayHaveNoTemplate() {
    assertThat(ChatTemplate.open(folder)).isEmpty();
    write("tokenizer_config.json", "{\"chat_template\":null}");
    assertThat(ChatTemplate.open(folder)).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"5", "[]", "{}", "[{\"name\":\"tools\",\"template\":\"T\"}]"})
  void aTemplateOfAnotherKindIsRefused(String template) {
    write("tokenizer_config.json", "{\"chat_template\":" + template + "}");
    assertThatThrownBy(() -> ChatTemplate.open(folder))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("chat_template is neither");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '~',
      quoteCharacter = '`',
      value = {
        "{% for m in messages %}x ~ \"{% endfor %}\" is missing",
        "{% include 'x' %} ~ the block \"include\"",
        "{% import 'x' as y %} ~ the block \"import\"",
        "{{ messages | nosuch }} ~ the filter \"nosuch\"",
        "{% if messages is nosuch %}{% endif %} ~ the test \"nosuch\"",
        "{{ nosuch(1) }} ~ nosuch",
        "{{ messages.getClass() }} ~ getClass",
        "{{ raise_exception('users only') }} ~ the chat template fails: users only.",
      })
  void aTemplateThatFailsIsRefusedInOneLine(String template, String reason) {
    assertThatThrownBy(() -> render(template))
        .isInstanceOf(CheckpointException.class)
        .hasMessageStartingWith(folder.resolve("tokenizer_config.json") + ": ")
        .hasMessageContaining(reason)
        .hasMessageNotContaining("\n");
  }

  @Test
  void aTemplateThatWritesWithoutEndIsStopped() {
    ChatTemplate template =
        write("{% for i in range(1000) %}{{ messages[0].content }}{% endfor %}");
    assertThatThrownBy(() -> template.render(Conversation.ofUser("x".repeat(100_000)), true))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("over the limit");
  }

  @Test
  void variablesReachTheTemplateAndItSaysWhichItMentions() {
    ChatTemplate template =
        write("{{ messages[0].content }}{{ ' thinks' if enable_thinking is not false }}");
    Conversation quiet =
        new Conversation(
            List.of(Conversation.message("user", "He")), Map.of("enable_thinking", false));
    assertThat(template.render(Conversation.ofUser("He"), true)).isEqualTo("He thinks");
    assertThat(template.render(quiet, true)).isEqualTo("He");
    assertThat(template.mentions("enable_thinking")).isTrue();
    assertThat(template.mentions("thinking")).isFalse();
  }

  @Test
  void aMessageKeepsTheOrderOfItsKeys() {
    assertThat(write("{{ messages | tojson }}").render(Conversation.ofUser("Hi"), true))
        .isEqualTo("[{\"role\": \"user\", \"content\": \"Hi\"}]");
  }
}
