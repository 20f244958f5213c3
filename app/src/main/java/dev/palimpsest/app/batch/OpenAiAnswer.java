package dev.palimpsest.app.batch;

import dev.palimpsest.api.LanguageModel;
import dev.palimpsest.app.openai.Choice;
import dev.palimpsest.app.openai.GrowingText;
import dev.palimpsest.app.openai.Reply;
import dev.palimpsest.app.openai.RequestException;
import dev.palimpsest.app.openai.Usage;
import dev.palimpsest.sampler.run.Generation;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** The answer to a row of OpenAI's batch form: texts in the body of its route. */
final class OpenAiAnswer implements Answer {
  /** What ids of results begin with; the row's number follows. */
  static final String PREFIX = "batch_req_";

  private static final int GOOD = 200;
  private static final int SERVER_ERROR = 500;

  private final LanguageModel language;
  private final OpenAiRow asked;
  private final Reply reply;
  private final SortedMap<Integer, Generation> generations = new TreeMap<>();

  OpenAiAnswer(LanguageModel language, OpenAiRow asked, Reply reply) {
    this.language = language;
    this.asked = asked;
    this.reply = reply;
  }

  @Override
  public Optional<Result> ended(int text, Generation generation) {
    generations.put(text, generation);
    if (generations.size() < asked.texts().size()) {
      return Optional.empty();
    }
    List<Choice> choices = generations.keySet().stream().map(this::choice).toList();
    Usage usage =
        new Usage(
            generations.values().stream().mapToInt(Generation::promptLength).sum(),
            generations.values().stream().mapToInt(this::tokens).sum());
    return Optional.of(result(GOOD, reply.whole(choices, usage), Optional.empty()));
  }

  private Choice choice(int text) {
    Generation generation = generations.get(text);
    if (generation == null) {
      throw new IllegalStateException("text " + text + " is not there yet");
    }
    GrowingText written = written(generation);
    return new Choice(
        text,
        asked.texts().get(text).before() + written.whole(),
        written.isStopped() ? "stop" : language.text(generation).finishReason(),
        Optional.empty());
  }

  private int tokens(Generation generation) {
    return written(generation).tokens();
  }

  /** The text up to its end or its stop string. */
  private GrowingText written(Generation generation) {
    GrowingText text = new GrowingText(language.model().tokenizer(), asked.stop());
    for (int token : generation.tokens()) {
      text.add(token);
    }
    String _ = text.finish();
    return text;
  }

  @Override
  public Result failed(RuntimeException failure) {
    return failed(
        failure instanceof RequestException refused
            ? refused
            : new RequestException(
                SERVER_ERROR,
                "server_error",
                String.valueOf(failure.getMessage()),
                Optional.empty(),
                Optional.empty()));
  }

  private Result failed(RequestException refused) {
    return result(
        refused.status(), refused.body(), Optional.of(String.valueOf(refused.getMessage())));
  }

  private Result result(int status, ObjectNode body, Optional<String> error) {
    ObjectNode line = JsonNodeFactory.instance.objectNode();
    line.put("id", PREFIX + asked.number()).put("custom_id", asked.id());
    line.putObject("response")
        .put("status_code", status)
        .put("request_id", reply.id())
        .set("body", body);
    line.putNull("error");
    return new Result(
        asked.number(),
        asked.id(),
        (line + "\n").getBytes(StandardCharsets.UTF_8),
        generations.values().stream().mapToLong(each -> each.tokens().length).sum(),
        generations.values().stream().mapToLong(Generation::forwards).sum(),
        error);
  }
}
