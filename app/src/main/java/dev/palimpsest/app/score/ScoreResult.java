package dev.palimpsest.app.score;

import dev.palimpsest.sampler.likelihood.LogLikelihood;
import java.util.LinkedHashMap;
import java.util.Map;
import tools.jackson.databind.json.JsonMapper;

/** What came of a row. */
sealed interface ScoreResult {
  /** The columns of a table of results. */
  String COLUMNS =
      "id: 'VARCHAR', logprob: 'DOUBLE', standard_error: 'DOUBLE', tokens: 'BIGINT',"
          + " token_logprobs: 'DOUBLE[]', full_mask_logprobs: 'DOUBLE[]', error: 'VARCHAR'";

  JsonMapper JSON = new JsonMapper();

  /** What it is named by. */
  String id();

  /** The result as a JSON object on a line, without the line's end. */
  String line();

  /**
   * A likelihood.
   *
   * @param tokens of the completion
   */
  record Scored(String id, LogLikelihood likelihood, int tokens) implements ScoreResult {
    @Override
    public String line() {
      Map<String, Object> fields = new LinkedHashMap<>();
      fields.put("id", id);
      fields.put("logprob", likelihood.value());
      likelihood.standardError().ifPresent(error -> fields.put("standard_error", error));
      fields.put("tokens", tokens);
      fields.put("token_logprobs", likelihood.tokens());
      if (!likelihood.fullMask().isEmpty()) {
        fields.put("full_mask_logprobs", likelihood.fullMask());
      }
      return JSON.writeValueAsString(fields);
    }
  }

  /**
   * None.
   *
   * @param error a sentence that says why
   */
  record Failed(String id, String error) implements ScoreResult {
    @Override
    public String line() {
      Map<String, Object> fields = new LinkedHashMap<>();
      fields.put("id", id);
      fields.put("error", error);
      return JSON.writeValueAsString(fields);
    }
  }
}
