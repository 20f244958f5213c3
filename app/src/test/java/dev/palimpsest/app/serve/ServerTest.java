package dev.palimpsest.app.serve;

import static dev.palimpsest.app.serve.RunningServer.PROBLEM;
import static dev.palimpsest.app.serve.RunningServer.user;
import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.api.Prompt;
import dev.palimpsest.engine.text.Conversation;
import dev.palimpsest.sampler.canvas.SnapshotListener;
import dev.palimpsest.sampler.run.Request;
import dev.palimpsest.sampler.trace.Trace;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** What a server of a diffusion model answers. */
final class ServerTest {
  private static final String CHAT = "/v1/chat/completions";
  private static final String COMPLETIONS = "/v1/completions";
  private static final String CANVAS = "/v1/canvas";

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

  private static Map<String, Object> with(Map<String, ?> body, Object... more) {
    Map<String, Object> all = new HashMap<>(body);
    for (int index = 0; index < more.length; index += 2) {
      all.put((String) more[index], more[index + 1]);
    }
    return all;
  }

  private static Map<String, Object> chat(Object... more) {
    return with(Map.of("messages", List.of(user(PROBLEM))), more);
  }

  private static String content(JsonNode answer) {
    return answer.path("choices").path(0).path("message").path("content").asString();
  }

  private static String streamed(List<JsonNode> chunks) {
    return chunks.stream()
        .map(each -> each.path("choices").path(0).path("delta").path("content").asString(""))
        .collect(Collectors.joining());
  }

  @Test
  void aConversationIsAnsweredAsTheModelAnswersItAlone() throws Exception {
    Request alone =
        server
            .language()
            .request(
                new Prompt.Chat(Conversation.ofUser(PROBLEM)), Map.of(), SnapshotListener.NONE);
    JsonNode answer = server.ask(CHAT, chat("model", "abacus-mdm"));
    assertThat(content(answer))
        .isEqualTo(server.language().text(server.language().generator().generate(alone)).text());
    assertThat(answer.path("object").asString()).isEqualTo("chat.completion");
    assertThat(answer.path("choices").path(0).path("finish_reason").asString()).isEqualTo("stop");
    JsonNode usage = answer.path("usage");
    assertThat(usage.path("total_tokens").intValue())
        .isEqualTo(
            usage.path("prompt_tokens").intValue() + usage.path("completion_tokens").intValue());
  }

  @ParameterizedTest
  @ValueSource(strings = {"llada", "dream", "remdm", "p2", "block"})
  void aStreamPutTogetherIsTheWholeAnswer(String sampler) throws Exception {
    Map<String, Object> body =
        chat("sampler", sampler, "max_tokens", 40, "temperature", 0.7, "seed", 3);
    if (sampler.equals("block")) {
      body.put("block_length", 8);
      body.put("editing_threshold", 0.3);
    }
    List<JsonNode> chunks =
        server.stream(
            CHAT, with(body, "stream", true, "stream_options", Map.of("include_usage", true)));
    JsonNode whole = server.ask(CHAT, body);
    assertThat(streamed(chunks)).isEqualTo(content(whole));
    assertThat(chunks.getFirst().path("choices").path(0).path("delta").path("role").asString())
        .isEqualTo("assistant");
    assertThat(chunks.getLast().path("usage")).isEqualTo(whole.path("usage"));
    assertThat(chunks.getLast().path("choices")).isEmpty();
    assertThat(chunks.get(chunks.size() - 2).path("choices").path(0).path("finish_reason"))
        .isEqualTo(whole.path("choices").path(0).path("finish_reason"));
    assertThat(chunks).allSatisfy(each -> assertThat(each.has("diffusion")).isFalse());
    assertThat(chunks.stream().map(each -> each.path("id").asString()).distinct()).hasSize(1);
  }

  @Test
  void stepsAreToldOnRequestAndEndInTheText() throws Exception {
    List<JsonNode> chunks = server.stream(CHAT, chat("stream", true, "return_steps", true));
    List<JsonNode> frames =
        chunks.stream().map(each -> each.path("diffusion")).filter(JsonNode::isObject).toList();
    assertThat(frames).hasSize(48);
    assertThat(frames.getLast().path("canvas").asString()).isEqualTo(streamed(chunks));
    assertThat(frames.getFirst().path("masked_left").intValue()).isEqualTo(47);
    assertThat(IntStream.range(0, 48).mapToObj(step -> frames.get(step).path("at").path("step")))
        .allSatisfy(step -> assertThat(step.isInt()).isTrue());
    JsonNode whole = server.ask(CHAT, chat("return_steps", true));
    assertThat(whole.path("diffusion").path(0).path("steps").size()).isEqualTo(48);
    assertThat(whole.path("diffusion").path(0).path("steps").path(47)).isEqualTo(frames.getLast());
  }

  @Test
  void aDiffusingStreamHasTheWholeTextInEveryChunk() throws Exception {
    List<JsonNode> chunks = server.stream(CHAT, chat("stream", true, "diffusing", true));
    List<String> texts =
        chunks.stream()
            .map(each -> each.path("choices").path(0).path("delta").path("content").asString(""))
            .filter(text -> !text.isEmpty())
            .toList();
    assertThat(texts.getFirst()).contains("░");
    assertThat(texts.getLast()).isEqualTo(content(server.ask(CHAT, chat())));
  }

  @Test
  void aTextEndsBeforeAStopString() throws Exception {
    String whole = content(server.ask(CHAT, chat()));
    JsonNode cut = server.ask(CHAT, chat("stop", List.of("Answer", "nothing")));
    assertThat(content(cut)).isEqualTo(whole.substring(0, whole.indexOf("Answer")));
    assertThat(cut.path("choices").path(0).path("finish_reason").asString()).isEqualTo("stop");
    assertThat(streamed(server.stream(CHAT, chat("stop", "Answer", "stream", true))))
        .isEqualTo(content(cut));
  }

  @Test
  void everyTextOfAPromptHasTheNextSeed() throws Exception {
    Map<String, Object> body = Map.of("prompt", List.of("Leo has", "31 pens"), "max_tokens", 8);
    JsonNode many = server.ask(COMPLETIONS, with(body, "n", 2, "seed", 5, "temperature", 1));
    assertThat(many.path("choices")).hasSize(4);
    JsonNode last =
        server.ask(
            COMPLETIONS, Map.of("prompt", "31 pens", "max_tokens", 8, "seed", 6, "temperature", 1));
    assertThat(many.path("choices").path(3).path("text"))
        .isEqualTo(last.path("choices").path(0).path("text"));
    assertThat(many.path("choices").path(3).path("index").intValue()).isEqualTo(3);
  }

  @Test
  void controlTokensThatAUserWritesStayText() throws Exception {
    JsonNode tokens = server.ask("/tokenize", Map.of("prompt", "<|end|>"));
    assertThat(tokens.path("tokens").toString()).isEqualTo("[3]");
    JsonNode plain = server.ask(COMPLETIONS, Map.of("prompt", "<|end|>", "max_tokens", 4));
    assertThat(plain.path("usage").path("prompt_tokens").intValue()).isGreaterThan(1);
    JsonNode message =
        server.ask(CHAT, Map.of("messages", List.of(user("<|end|> <|mask|>")), "max_tokens", 4));
    int words = message.path("usage").path("prompt_tokens").intValue();
    assertThat(words).isGreaterThan(5);
    List<Map<String, String>> parts = List.of(Map.of("type", "text", "text", "<|end|> <|mask|>"));
    JsonNode inParts =
        server.ask(
            CHAT,
            Map.of("messages", List.of(Map.of("role", "user", "content", parts)), "max_tokens", 4));
    assertThat(inParts.path("usage").path("prompt_tokens").intValue()).isEqualTo(words);
  }

  @Test
  void logProbabilitiesAreOfTheStepThatWroteTheToken() throws Exception {
    JsonNode content =
        server
            .ask(CHAT, chat("logprobs", true, "top_logprobs", 3))
            .path("choices")
            .path(0)
            .path("logprobs")
            .path("content");
    assertThat(content.size()).isPositive();
    for (JsonNode token : content.values()) {
      assertThat(token.path("top_logprobs")).hasSize(3);
      assertThat(token.path("top_logprobs").path(0).path("token")).isEqualTo(token.path("token"));
      assertThat(token.path("top_logprobs").path(0).path("logprob").doubleValue())
          .isEqualTo(token.path("logprob").doubleValue());
    }
  }

  @Test
  void aGapIsFilledToItsExactLengthAndWhatStandsAroundItStays() throws Exception {
    Map<String, Object> body =
        Map.of("prompt", "Leo has 31 pens.", "suffix", " How many pens?", "length", 6);
    JsonNode filled = server.ask("/v1/fim/completions", with(body, "return_steps", true));
    assertThat(filled.path("usage").path("completion_tokens").intValue()).isEqualTo(6);
    assertThat(filled.path("diffusion").path(0).path("steps")).hasSize(6);
    String text = filled.path("choices").path(0).path("text").asString();
    JsonNode asSuffix =
        server.ask(
            COMPLETIONS,
            Map.of("prompt", "Leo has 31 pens.", "suffix", " How many pens?", "max_tokens", 6));
    assertThat(asSuffix.path("choices").path(0).path("text").asString()).isEqualTo(text);
    List<JsonNode> chunks = server.stream("/v1/fim/completions", with(body, "stream", true));
    assertThat(
            chunks.stream()
                .map(each -> each.path("choices").path(0).path("text").asString())
                .collect(Collectors.joining()))
        .isEqualTo(text);
  }

  @Test
  void anEditWritesItsSpansAndNothingElse() throws Exception {
    JsonNode edited =
        server.ask(
            "/v1/edit/completions",
            Map.of(
                "messages",
                List.of(user(PROBLEM)),
                "text",
                "31+5=99. Answer: 36",
                "edits",
                List.of(Map.of("start", 5, "end", 7))));
    assertThat(edited.path("choices").path(0).path("text").asString())
        .matches("31\\+5=..\\. Answer: 36");
  }

  @Test
  void aCanvasGoesOnFromWhereItWasAnswered() throws Exception {
    List<Map<String, Object>> canvas =
        List.of(
            Map.of("text", "Leo has 31 pens."),
            Map.of("mask", 6),
            Map.of("text", " How many"),
            Map.of("mask", 2, "state", "frozen"));
    JsonNode whole = server.ask(CANVAS, Map.of("canvas", canvas));
    assertThat(whole.path("finished").booleanValue()).isTrue();
    assertThat(whole.path("states").asString()).matches("P+C{6}F+");
    JsonNode part = server.ask(CANVAS, Map.of("canvas", canvas, "max_steps", 2));
    assertThat(part.path("finished").booleanValue()).isFalse();
    Map<String, Object> rest = new HashMap<>();
    part.path("options").properties().forEach(each -> rest.put(each.getKey(), each.getValue()));
    rest.put("sampler", part.path("sampler"));
    rest.put("canvas", part.path("canvas"));
    rest.put("at", part.path("at"));
    JsonNode end = server.ask(CANVAS, rest);
    assertThat(end.path("ids")).isEqualTo(whole.path("ids"));
    assertThat(end.path("at")).isEqualTo(whole.path("at"));
  }

  @Test
  void aBranchThatChangesNothingIsItsParentAndAnEditIsInItsTrace() throws Exception {
    JsonNode parent = server.ask(CHAT, chat("record", true));
    String id = parent.path("traces").path(0).asString();
    JsonNode same = server.ask(CANVAS, Map.of("trace", id, "step", 40, "edits", List.of("none")));
    assertThat(same.path("text").asString()).startsWith(content(parent));
    JsonNode other =
        server.ask(
            CANVAS,
            Map.of("trace", id, "step", 44, "edits", List.of("mistake in=0-8"), "record", true));
    Trace branch = trace(other.path("trace").asString());
    assertThat(branch.damage()).isEmpty();
    assertThat(branch.header().origin().orElseThrow().step()).isEqualTo(44);
    assertThat(branch.last().ids())
        .isEqualTo(RunningServer.JSON.treeToValue(other.path("ids"), int[].class));
    assertThat(server.get("/v1/traces/" + id + "/view").body()).contains("<html");
  }

  private static Trace trace(String id) throws Exception {
    byte[] file = server.get("/v1/traces/" + id).body().getBytes(StandardCharsets.UTF_8);
    return Trace.read(new ByteArrayInputStream(file), id);
  }

  @Test
  void aStreamOfACanvasBeginsWithItAndEndsWithIt() throws Exception {
    Map<String, Object> body =
        Map.of("canvas", List.of(Map.of("text", "Leo has"), Map.of("mask", 4)), "stream", true);
    List<JsonNode> events = server.stream(CANVAS, body);
    assertThat(events.stream().map(each -> each.path("object").asString()))
        .containsExactly(
            "canvas.start", "canvas.step", "canvas.step", "canvas.step", "canvas.step", "canvas");
    assertThat(events.get(4).path("diffusion").path("next")).isEqualTo(events.getLast().path("at"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "/v1/chat/completions|{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"model\":\"x\"}|404|model",
        "/v1/completions|{\"prompt\":\"a\",\"max_tokens\":200}|400|max_tokens",
        "/v1/completions|{\"prompt\":\"a\",\"gen_length\":40000}|400|gen_length",
        "/v1/completions|{\"prompt\":\"a\",\"max_tokens\":10,\"block_length\":4}|400|max_tokens",
        "/v1/completions|{\"prompt\":\"a\",\"top_p\":0.5}|400|top_p",
        "/v1/completions|{\"prompt\":\"a\",\"sampler\":\"decode\"}|400|sampler",
        "/v1/completions|{\"prompt\":[106]}|400|prompt",
        "/v1/completions|{\"prompt\":[[]],\"max_tokens\":0}|400|max_tokens",
        "/v1/completions|{\"prompt\":[[]],\"echo\":true,\"logprobs\":1,\"max_tokens\":1}|400|prompt",
        "/v1/fim/completions|{\"prompt\":\"a\",\"length\":500}|400|length",
        "/v1/fim/completions|{\"prompt\":\"a\"}|400|length",
        "/v1/edit/completions|{\"text\":\"12\",\"edits\":[{\"start\":1,\"end\":9}]}|400|edits[0].end",
        "/v1/canvas|{\"canvas\":[{\"mask\":3},{\"text\":\"a\",\"state\":\"prompt\"}]}|400|canvas[1].state",
        "/v1/canvas|{\"canvas\":[{\"text\":\"a\"}]}|400|canvas",
        "/v1/canvas|{\"canvas\":[{\"mask\":9999999}]}|400|canvas",
        "/v1/canvas|{\"trace\":\"trace-00\",\"step\":1}|404|",
        "/v1/canvas|{\"canvas\":[{\"mask\":3}],\"edits\":[\"force at=0 text=1 in=/x/\"]}|400|edits[0]",
        "/v1/canvas|{\"canvas\":[{\"mask\":3}],\"edits\":[\"force at=900 text=1\"]}|400|edits",
      })
  void aWrongRequestIsRefusedInOneSentenceThatNamesTheParameter(
      String path, String body, int status, String param) throws Exception {
    HttpResponse<String> response = server.post(path, body);
    assertThat(response.statusCode()).as(response.body()).isEqualTo(status);
    JsonNode error = RunningServer.JSON.readTree(response.body()).path("error");
    assertThat(error.path("param").asString("")).isEqualTo(param == null ? "" : param);
    assertThat(error.path("message").asString("")).isNotEmpty();
    assertThat(response.headers().firstValue("x-should-retry")).hasValue("false");
  }

  @Test
  void theModelsAndTheTokenizerAreTold() throws Exception {
    JsonNode models = RunningServer.JSON.readTree(server.get("/v1/models").body());
    assertThat(models.path("data").path(1).path("id").asString()).isEqualTo("alias");
    assertThat(server.get("/v1/models/alias").statusCode()).isEqualTo(200);
    assertThat(server.get("/v1/models/other").statusCode()).isEqualTo(404);
    JsonNode info = RunningServer.JSON.readTree(server.get("/tokenizer_info").body());
    assertThat(info.path("eos_token").asString()).isEqualTo("<|end|>");
    assertThat(info.path("chat_template").asString()).contains("<|user|>");
    JsonNode text = server.ask("/detokenize", Map.of("tokens", List.of(5, 6)));
    assertThat(text.path("prompt").asString()).isEqualTo("01");
    assertThat(server.get("/nothing").statusCode()).isEqualTo(404);
    assertThat(server.get(CHAT).statusCode()).isEqualTo(405);
  }

  @Test
  void metricsHaveTheNamesOfTheField() throws Exception {
    JsonNode _ = server.ask(CHAT, chat());
    assertThat(server.get("/metrics").body())
        .contains(
            "palimpsest:time_to_first_token_seconds_count",
            "palimpsest:time_to_first_snapshot_seconds_count",
            "palimpsest:request_queue_time_seconds_count",
            "palimpsest:time_per_output_token_seconds_count",
            "palimpsest:e2e_request_latency_seconds_count",
            "palimpsest:request_success_total{finished_reason=\"stop\"}",
            "palimpsest:num_requests_running 0.0",
            "palimpsest:num_requests_waiting 0.0");
  }

  @Test
  void countersAddUpToWhatAnswersSay() throws Exception {
    Map<String, Double> before = counters();
    int prompts = 0;
    int written = 0;
    int forwards = 0;
    for (int text = 1; text <= 3; text++) {
      JsonNode answer =
          server.ask(
              CHAT,
              Map.of(
                  "messages",
                  List.of(RunningServer.user(RunningServer.PROBLEM.substring(0, 20 + text))),
                  "max_tokens",
                  4 * text,
                  "return_steps",
                  true));
      prompts += answer.at("/usage/prompt_tokens").intValue();
      written += answer.at("/usage/completion_tokens").intValue();
      forwards += answer.at("/diffusion/0/steps").size();
    }
    JsonNode gap =
        server.ask(
            "/v1/fim/completions",
            Map.of("prompt", "Leo has 31 pens.", "suffix", " How many pens?", "length", 6));
    prompts += gap.at("/usage/prompt_tokens").intValue();
    written += 6;
    forwards += 6;
    Map<String, Double> after = counters();
    assertThat(added("prompt_tokens_total", before, after)).isEqualTo(prompts);
    assertThat(added("generation_tokens_total", before, after)).isEqualTo(written);
    assertThat(added("nfe_total", before, after)).isEqualTo(forwards);
    assertThat(added("request_nfe_sum", before, after)).isEqualTo(forwards);
    assertThat(added("request_nfe_count", before, after)).isEqualTo(4);
    assertThat(added("e2e_request_latency_seconds_count", before, after)).isEqualTo(4);
  }

  @Test
  void aTextThatAStopStringEndsIsNoneThatWasGivenUp() throws Exception {
    Map<String, Double> before = counters();
    JsonNode answer =
        server.ask(
            CHAT,
            Map.of(
                "messages",
                List.of(RunningServer.user(RunningServer.PROBLEM)),
                "stop",
                List.of("=", "-", "+")));
    assertThat(answer.at("/choices/0/finish_reason").stringValue()).isEqualTo("stop");
    Map<String, Double> after = counters();
    for (int look = 0; look < 400 && added(ENDED.formatted("stop"), before, after) == 0; look++) {
      Thread.sleep(25); // its run leaves before the next step
      after = counters();
    }
    assertThat(added(ENDED.formatted("stop"), before, after)).isEqualTo(1);
    assertThat(added(ENDED.formatted("abort"), before, after)).isZero();
  }

  private static final String ENDED = "request_success_total{finished_reason=\"%s\"}";

  private static double added(String name, Map<String, Double> before, Map<String, Double> after) {
    return after.getOrDefault("palimpsest:" + name, 0.0)
        - before.getOrDefault("palimpsest:" + name, 0.0);
  }

  private static Map<String, Double> counters() throws Exception {
    Map<String, Double> values = new HashMap<>();
    for (String line : server.get("/metrics").body().lines().toList()) {
      if (!line.startsWith("#")) {
        int space = line.lastIndexOf(' ');
        values.put(line.substring(0, space), Double.valueOf(line.substring(space + 1)));
      }
    }
    return values;
  }
}
