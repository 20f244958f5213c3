package dev.palimpsest.app.openai;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** What requests say, and what they may not. */
final class RequestsTest {
  private static final String MESSAGES = "\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]";

  @Test
  void aChatRequestIsReadWithEveryParameter() {
    ChatRequest request =
        chat(
            """
            {"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"a"},
            {"type":"text","text":"b"}]}],"max_completion_tokens":32,"seed":7,"n":3,
            "stop":["x","y"],"temperature":0.5,"block_length":16,"logprobs":true,"top_logprobs":2,
            "stream":true,"stream_options":{"include_usage":true},"user":"u","return_steps":true,
            "response_format":{"type":"text"},"frequency_penalty":0,"logit_bias":{},"top_p":1,
            "chat_template_kwargs":{"enable_thinking":false}}
            """);
    assertThat(request.conversation().messages().getFirst().get("content")).isEqualTo("a\nb");
    assertThat(request.conversation().variables().get("enable_thinking")).isEqualTo(false);
    assertThat(request.logprobs()).isEqualTo(OptionalInt.of(2));
    GenerationParameters parameters = request.parameters();
    assertThat(parameters.options())
        .isEqualTo(Map.of("gen_length", 32, "seed", 7, "temperature", 0.5, "block_length", 16));
    assertThat(parameters.spelled("gen_length")).isEqualTo("max_completion_tokens");
    assertThat(parameters.options(2)).containsEntry("seed", 9L);
    assertThat(parameters.stop()).containsExactly("x", "y");
    assertThat(parameters.streaming())
        .isEqualTo(new GenerationParameters.Streaming(true, true, false));
    assertThat(parameters.returnSteps()).isTrue();
  }

  @Test
  void promptsAreTextsOrIdsOneOrMany() {
    assertThat(prompts("\"a\"")).containsExactly(new CompletionRequest.RawPrompt.Text("a"));
    assertThat(prompts("[\"a\",\"b\"]")).hasSize(2);
    assertThat(prompts("[1,2,3]")).hasSize(1);
    assertThat(prompts("[[1,2],[3]]"))
        .extracting(each -> ((CompletionRequest.RawPrompt.Ids) each).ids())
        .containsExactly(new int[] {1, 2}, new int[] {3});
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "\"foo\":1|foo",
        "\"max_tokens\":\"x\",\"gen_length\":3|max_tokens",
        "\"max_tokens\":4,\"gen_length\":3|max_tokens",
        "\"max_tokens\":{}|max_tokens",
        "\"temperature\":1e999|temperature",
        "\"temperature\":[]|temperature",
        "\"seed\":123456789012345678901234567890|seed",
        "\"n\":0|n",
        "\"n\":1.5|n",
        "\"stop\":[\"a\",3]|stop",
        "\"stop\":[\"\"]|stop",
        "\"stop\":3|stop",
        "\"stream\":1|stream",
        "\"stream_options\":{\"include_usage\":true}|stream_options",
        "\"stream\":true,\"stream_options\":{\"x\":true}|stream_options.x",
        "\"logprobs\":1|logprobs",
        "\"top_logprobs\":2|top_logprobs",
        "\"logprobs\":true,\"top_logprobs\":21|top_logprobs",
        "\"frequency_penalty\":0.5|frequency_penalty",
        "\"presence_penalty\":\"0\"|presence_penalty",
        "\"logit_bias\":{\"5\":1}|logit_bias",
        "\"response_format\":{\"type\":\"json_object\"}|response_format.type",
        "\"tools\":[]|tools",
        "\"diffusing\":true|diffusing",
        "\"sampler\":5|sampler",
        "\"model\":5|model",
        "\"user\":5|user",
        "\"chat_template_kwargs\":{\"messages\":[]}|chat_template_kwargs"
      })
  void aWrongParameterIsRefusedByItsName(String field, String param) {
    assertThatThrownBy(() -> chat("{" + MESSAGES + "," + field + "}"))
        .isInstanceOfSatisfying(
            RequestException.class,
            refused -> {
              assertThat(refused.status()).isEqualTo(400);
              assertThat(refused.body().path("error").path("param").asString()).isEqualTo(param);
              assertThat(refused.getMessage()).contains(param);
              assertThat(refused.isDeterministic()).isTrue();
            });
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "[]",
        "5",
        "{",
        "{\"a\":1,\"a\":2}",
        "{} {}",
        "\"\\ud800",
        "{\"messages\":NaN}",
        "nul",
      })
  void whatIsNoObjectIsRefused(String body) {
    assertThatThrownBy(() -> chat(body)).isInstanceOf(RequestException.class);
  }

  @Test
  void brokenUtf8IsRefused() {
    byte[] body = ("{" + MESSAGES + "}").getBytes(StandardCharsets.UTF_8);
    body[body.length - 5] = (byte) 0xC3;
    assertThatThrownBy(() -> Fields.parse(body, ChatRequest.PATH))
        .hasMessage("The body is not UTF-8.");
  }

  @Test
  void aNullIsAFieldThatIsNotThere() {
    assertThat(chat("{" + MESSAGES + ",\"max_tokens\":null,\"stop\":null}").parameters().options())
        .isEmpty();
  }

  @Test
  void tokensOfOneTextKeepTheirOwnLogarithms() {
    TokenLogprob token =
        new TokenLogprob(
            5,
            "\uFFFD",
            OptionalDouble.of(-2),
            List.of(
                new TokenLogprob.Alternative(6, "\uFFFD", -1),
                new TokenLogprob.Alternative(5, "\uFFFD", -2.0000001)));
    Reply reply = new Reply(Reply.Form.COMPLETION, "id", 0, "m", "f");
    JsonNode top =
        reply
            .whole(
                List.of(new Choice(0, "x", "stop", Optional.of(List.of(token)))), new Usage(1, 1))
            .path("choices")
            .path(0)
            .path("logprobs")
            .path("top_logprobs")
            .path(0);
    assertThat(top).isEqualTo(new JsonMapper().readTree("{\"\uFFFD\":-2.0,\"token_id:6\":-1.0}"));
  }

  private static ChatRequest chat(String body) {
    return ChatRequest.read(Fields.parse(body.getBytes(StandardCharsets.UTF_8), ChatRequest.PATH));
  }

  private static List<CompletionRequest.RawPrompt> prompts(String prompt) {
    byte[] body = ("{\"prompt\":" + prompt + "}").getBytes(StandardCharsets.UTF_8);
    return CompletionRequest.read(Fields.parse(body, CompletionRequest.PATH)).prompts();
  }

  @Test
  void asManyStopsAreTakenAsHarnessesSendAndNoMore() {
    String many = String.join(",", Collections.nCopies(64, "\"x\""));
    assertThat(chat("{%s,\"stop\":[%s]}".formatted(MESSAGES, many)).parameters().stop())
        .hasSize(64);
    assertThatThrownBy(() -> chat("{%s,\"stop\":[%s,\"x\"]}".formatted(MESSAGES, many)))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("up to 64");
  }
}
