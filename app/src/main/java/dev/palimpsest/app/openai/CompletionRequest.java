package dev.palimpsest.app.openai;

import dev.palimpsest.engine.text.Tokenizer;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import tools.jackson.databind.JsonNode;

/**
 * A request of {@code /v1/completions}.
 *
 * @param prompts that are to be continued, at least one
 * @param addSpecialTokens whether a text gets what the tokenizer puts around one that stands alone
 * @param suffix what is to stand behind the text, if anything
 * @param echo whether the answer begins with the prompt
 * @param parameters of the generation
 * @param logprobs alternatives named for every token, if log-probabilities are wanted at all
 */
public record CompletionRequest(
    List<RawPrompt> prompts,
    boolean addSpecialTokens,
    Optional<String> suffix,
    boolean echo,
    GenerationParameters parameters,
    OptionalInt logprobs) {
  /** Where it is sent. */
  public static final String PATH = "/v1/completions";

  private static final int MOST_PROMPTS = 1024;
  private static final int MOST_ALTERNATIVES = 20;

  /** What is continued: never in a chat template. */
  public sealed interface RawPrompt {
    /** A text; control tokens that it spells are read as words. */
    record Text(String text) implements RawPrompt {}

    /** Token ids, taken as they are. */
    record Ids(int[] ids) implements RawPrompt {
      /** Takes its own copy. */
      public Ids {
        ids = ids.clone();
      }

      /** A copy of the ids. */
      @Override
      public int[] ids() {
        return ids.clone();
      }
    }

    /**
     * Reads a string or a list of ids, if it is there.
     *
     * @throws RequestException if it is something else
     */
    static Optional<RawPrompt> read(Fields fields, String name) {
      return fields
          .value(name)
          .map(
              value ->
                  value.isString() ? new Text(value.stringValue()) : new Ids(fields.ids(name)));
    }

    /**
     * Its ids.
     *
     * @param alone whether a text gets what the tokenizer puts around one that stands alone
     */
    default int[] ids(Tokenizer tokenizer, boolean alone) {
      return switch (this) {
        case Ids given -> given.ids();
        case Text(String text) -> {
          String literal = tokenizer.literal(text);
          yield alone ? tokenizer.encodeAlone(literal) : tokenizer.encode(literal);
        }
      };
    }
  }

  /** Takes its own copy. */
  public CompletionRequest {
    prompts = List.copyOf(prompts);
  }

  /**
   * Reads a request.
   *
   * @throws RequestException naming the first parameter that is wrong
   */
  public static CompletionRequest read(Fields fields) {
    CompletionRequest request =
        new CompletionRequest(
            prompts(fields),
            fields.flag("add_special_tokens", true),
            fields.text("suffix"),
            fields.flag("echo"),
            GenerationParameters.read(fields),
            fields.integer("logprobs", 0, MOST_ALTERNATIVES));
    fields.requireAllKnown();
    return request;
  }

  private static List<RawPrompt> prompts(Fields fields) {
    JsonNode prompt =
        fields
            .value("prompt")
            .orElseThrow(
                () ->
                    RequestException.wrong(
                        "prompt", "prompt is missing: use a string, a list of ids, or several."));
    if (prompt.isString()) {
      return List.of(new RawPrompt.Text(prompt.stringValue()));
    }
    List<JsonNode> list = fields.list("prompt");
    boolean ofIds = !list.isEmpty() && list.getFirst().isNumber();
    if (list.isEmpty() || (list.size() > MOST_PROMPTS && !ofIds)) {
      throw RequestException.wrong(
          "prompt",
          "prompt is a list of %d: use 1 to %d prompts.".formatted(list.size(), MOST_PROMPTS));
    }
    return ofIds
        ? List.of(new RawPrompt.Ids(Fields.ids(list, "prompt")))
        : list.stream().map(CompletionRequest::oneOfMany).toList();
  }

  private static RawPrompt oneOfMany(JsonNode prompt) {
    if (prompt.isString()) {
      return new RawPrompt.Text(prompt.stringValue());
    }
    if (prompt.isArray()) {
      return new RawPrompt.Ids(Fields.ids(List.copyOf(prompt.values()), "prompt"));
    }
    throw RequestException.wrong(
        "prompt", "prompt has an entry that is neither a string nor a list of token ids.");
  }

  /** The ids of one of the prompts. */
  public int[] ids(RawPrompt prompt, Tokenizer tokenizer) {
    return prompt.ids(tokenizer, addSpecialTokens);
  }
}
