package dev.palimpsest.app.score;

import dev.palimpsest.app.options.SpecialTokenOptions;
import dev.palimpsest.engine.Model;
import dev.palimpsest.engine.checkpoint.CheckpointException;
import dev.palimpsest.engine.text.Tokenizer;
import dev.palimpsest.sampler.likelihood.Passage;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import tools.jackson.databind.JsonNode;

/**
 * How the fields of a row become a text: {@code id}, {@code prompt} or {@code prompt_ids}, and
 * {@code completion} or {@code completion_ids}. Others are not read.
 */
record ScoreForm(Optional<Model> model, SpecialTokenOptions specialTokens) {
  static final String ID = "id";
  static final String PROMPT = "prompt";
  static final String PROMPT_IDS = "prompt_ids";
  static final String COMPLETION = "completion";
  static final String COMPLETION_IDS = "completion_ids";
  static final List<String> FIELDS = List.of(ID, PROMPT, PROMPT_IDS, COMPLETION, COMPLETION_IDS);

  /**
   * Reads a row.
   *
   * @param otherwise its id if it has none of its own
   * @param field by its name; null or missing if it is not given
   */
  ScoreRow read(String otherwise, Function<String, JsonNode> field) {
    JsonNode own = field.apply(ID);
    if (!isAbsent(own) && !own.isString() && !own.isNumber()) {
      return new ScoreRow.Bad(otherwise, "id %s is invalid: use a text or a number".formatted(own));
    }
    String id = isAbsent(own) ? otherwise : own.asString();
    try {
      int[] prompt = ids(PROMPT, PROMPT_IDS, field, text -> specialTokens.ids(words(), text));
      return new ScoreRow.Asked(
          id, new Passage(prompt, ids(COMPLETION, COMPLETION_IDS, field, this::completion)));
    } catch (Unreadable | CheckpointException e) {
      return new ScoreRow.Bad(id, String.valueOf(e.getMessage()));
    }
  }

  private Model words() {
    return model.orElseThrow(
        () -> new CheckpointException("the model has no tokenizer: give ids in place of texts"));
  }

  private int[] completion(String text) {
    Tokenizer tokenizer = words().tokenizer();
    return tokenizer.encode(specialTokens.parsesSpecial() ? text : tokenizer.literal(text));
  }

  private static int[] ids(
      String text, String ids, Function<String, JsonNode> field, Function<String, int[]> encoding)
      throws Unreadable {
    JsonNode words = field.apply(text);
    JsonNode list = field.apply(ids);
    if (isAbsent(words) == isAbsent(list)) {
      throw new Unreadable(
          "the row has %s: give one of %s and %s"
              .formatted(isAbsent(words) ? "no " + text : text + " and " + ids, text, ids));
    }
    if (isAbsent(list)) {
      if (!words.isString()) {
        throw new Unreadable("%s %s is invalid: use a text".formatted(text, words));
      }
      return encoding.apply(words.stringValue());
    }
    if (!list.isArray()) {
      throw new Unreadable("%s %s is invalid: use a list of ids".formatted(ids, list));
    }
    for (JsonNode id : list.values()) {
      if (!id.isInt()) {
        throw new Unreadable("%s holds %s, which is no id".formatted(ids, id));
      }
    }
    return list.values().stream().mapToInt(JsonNode::intValue).toArray();
  }

  private static boolean isAbsent(JsonNode value) {
    return value.isMissingNode() || value.isNull();
  }

  /** What is wrong with a row. */
  private static final class Unreadable extends Exception {
    private static final long serialVersionUID = 1L;

    Unreadable(String message) {
      super(message);
    }
  }
}
