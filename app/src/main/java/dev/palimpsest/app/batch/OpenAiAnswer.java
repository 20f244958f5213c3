package dev.palimpsest.app.batch;

import dev.palimpsest.api.LanguageModel;
import dev.palimpsest.app.openai.Choice;
import dev.palimpsest.app.openai.Reply;
import dev.palimpsest.app.openai.RequestException;
import dev.palimpsest.app.openai.Usage;
import dev.palimpsest.sampler.run.Generation;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
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
    LanguageModel.Text written = language.text(generation);
    int end = end(written.text());
    return new Choice(
        text,
        asked.texts().get(text).before()
            + (end < 0 ? written.text() : written.text().substring(0, end)),
        end < 0 ? written.finishReason() : "stop",
        Optional.empty());
  }

  /** Where a stop string ends the text; -1 if none does. */
  private int end(String text) {
    return asked.stop().stream().mapToInt(text::indexOf).filter(at -> at >= 0).min().orElse(-1);
  }

  /** Tokens of a text up to its end or its stop string. */
  private int tokens(Generation generation) {
    int[] tokens = generation.tokens();
    int count = asked.stop().isEmpty() ? tokens.length : 0;
    while (count < tokens.length
        && end(language.model().tokenizer().decode(Arrays.copyOf(tokens, count), true)) < 0) {
      count++;
    }
    return count;
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
