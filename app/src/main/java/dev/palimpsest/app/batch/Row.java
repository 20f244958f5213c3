package dev.palimpsest.app.batch;

import dev.palimpsest.api.Prompt;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/** A row of the input. */
sealed interface Row {
  /** Its place among the rows, from 0. */
  long number();

  /** What its result is named by. */
  String id();

  /**
   * A row that asks for a text.
   *
   * @param prompt that the text is to follow
   * @param options of its own by their reference names, and {@code sampler}
   */
  record Asked(long number, String id, Prompt prompt, Map<String, Object> options) implements Row {}

  /**
   * A row that cannot be read.
   *
   * @param error a sentence that says why
   */
  record Bad(long number, String id, String error) implements Row {}

  /**
   * A row of OpenAI's batch form.
   *
   * @param id its {@code custom_id}
   * @param fields all that it has
   */
  record OpenAi(long number, String id, JsonNode fields) implements Row {}
}
