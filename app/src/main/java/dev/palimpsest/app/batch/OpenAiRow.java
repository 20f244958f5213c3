package dev.palimpsest.app.batch;

import dev.palimpsest.api.LanguageModel;
import dev.palimpsest.api.Prompt;
import dev.palimpsest.app.openai.ChatRequest;
import dev.palimpsest.app.openai.CompletionRequest;
import dev.palimpsest.app.openai.Fields;
import dev.palimpsest.app.openai.GenerationParameters;
import dev.palimpsest.app.openai.Reply;
import dev.palimpsest.app.openai.RequestException;
import dev.palimpsest.engine.checkpoint.CheckpointException;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import tools.jackson.databind.JsonNode;

/**
 * What a row of OpenAI's batch form asks for.
 *
 * @param number of the row
 * @param id its {@code custom_id}
 * @param form whose bodies its answer has
 * @param texts that are to be written, none of them if the row is wrong
 * @param stop strings that end a text before them
 */
record OpenAiRow(long number, String id, Reply.Form form, List<Text> texts, List<String> stop) {

  /**
   * A text to be written.
   *
   * @param prompt its ids
   * @param parameters of the generation
   * @param index among the texts of its prompt
   * @param before what stands before the text in the answer
   */
  record Text(int[] prompt, GenerationParameters parameters, int index, String before) {}

  /** A row of which nothing more is known. */
  static OpenAiRow unread(Row.OpenAi row) {
    return new OpenAiRow(row.number(), row.id(), Reply.Form.CHAT, List.of(), List.of());
  }

  /**
   * Reads a row.
   *
   * @throws RequestException naming the first parameter that is wrong
   */
  static OpenAiRow read(Row.OpenAi row, LanguageModel language) {
    Fields fields = Fields.of(row.fields(), "a row");
    fields.text("custom_id");
    String method = fields.text("method").orElse("POST");
    if (!method.equals("POST")) {
      throw RequestException.wrong("method", "method %s is invalid: use POST.".formatted(method));
    }
    String url = fields.text("url").orElse("");
    JsonNode json =
        fields
            .value("body")
            .orElseThrow(() -> RequestException.wrong("body", "body is missing: use an object."));
    fields.requireAllKnown();
    Fields body = Fields.of(json, url);
    return switch (url) {
      case ChatRequest.PATH -> chat(row, ChatRequest.read(body), language);
      case CompletionRequest.PATH -> completion(row, CompletionRequest.read(body), language);
      default ->
          throw RequestException.wrong(
              "url",
              "url %s is invalid: use %s or %s."
                  .formatted(url, ChatRequest.PATH, CompletionRequest.PATH));
    };
  }

  private static OpenAiRow chat(Row.OpenAi row, ChatRequest request, LanguageModel language) {
    GenerationParameters parameters = request.parameters();
    requireWhole(parameters, request.logprobs());
    List<Text> texts = new ArrayList<>();
    try {
      int[] prompt = language.ids(new Prompt.Chat(request.conversation()));
      for (int text = 0; text < parameters.n(); text++) {
        texts.add(new Text(prompt, parameters, text, ""));
      }
    } catch (CheckpointException e) {
      throw RequestException.wrong("messages", String.valueOf(e.getMessage()));
    }
    return new OpenAiRow(row.number(), row.id(), Reply.Form.CHAT, texts, parameters.stop());
  }

  private static OpenAiRow completion(
      Row.OpenAi row, CompletionRequest request, LanguageModel language) {
    GenerationParameters parameters = request.parameters();
    requireWhole(parameters, request.logprobs());
    if (request.suffix().isPresent()) {
      throw RequestException.wrong("suffix", "suffix is not for batch files: leave it out.");
    }
    List<Text> texts = new ArrayList<>();
    for (CompletionRequest.RawPrompt prompt : request.prompts()) {
      int[] ids = request.ids(prompt, language.model().tokenizer());
      String before =
          switch (prompt) {
            case CompletionRequest.RawPrompt.Text(String text) -> text;
            case CompletionRequest.RawPrompt.Ids _ ->
                language.model().tokenizer().decode(ids, false);
          };
      for (int text = 0; text < parameters.n(); text++) {
        texts.add(new Text(ids, parameters, text, request.echo() ? before : ""));
      }
    }
    return new OpenAiRow(row.number(), row.id(), Reply.Form.COMPLETION, texts, parameters.stop());
  }

  private static void requireWhole(GenerationParameters parameters, OptionalInt logprobs) {
    if (parameters.streaming().wanted()) {
      throw RequestException.wrong("stream", "stream true is not for batch files: use false.");
    }
    if (logprobs.isPresent()) {
      throw RequestException.wrong("logprobs", "logprobs are not for batch files: leave them out.");
    }
    if (parameters.returnSteps() || parameters.record()) {
      throw RequestException.wrong(
          parameters.record() ? "record" : "return_steps",
          "steps are not told in batch files: --trace-dir records them.");
    }
  }
}
