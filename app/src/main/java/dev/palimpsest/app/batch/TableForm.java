package dev.palimpsest.app.batch;

import dev.palimpsest.app.terminal.Notices;
import dev.palimpsest.engine.checkpoint.CheckpointException;
import dev.palimpsest.sampler.method.SamplingOptions;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.IntFunction;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * How the columns of a table become the fields of rows: a column has the name of a field, or of a
 * sampler's option. What is not plain may stand as JSON in a text.
 */
record TableForm(RowForm form, List<String> columns) {
  private static final JsonMapper JSON =
      JsonMapper.builder().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();
  private static final Set<String> STRUCTURED =
      Set.of(
          RowForm.MESSAGES, RowForm.TOOLS, RowForm.VARIABLES, RowForm.PROMPT_IDS, RowForm.OPTIONS);
  private static final Set<String> SAMPLER_OPTIONS = samplerOptions();

  private static Set<String> samplerOptions() {
    Set<String> names = new TreeSet<>(Set.of("sampler"));
    SamplingOptions.SAMPLERS.forEach(each -> names.addAll(SamplingOptions.names(each)));
    return names;
  }

  /**
   * The columns of a file.
   *
   * @throws CheckpointException if none holds prompts
   */
  static TableForm of(Path file, RowForm form, List<String> columns) {
    List<String> prompts = List.of(form.promptField(), RowForm.MESSAGES, RowForm.PROMPT_IDS);
    if (columns.stream().noneMatch(prompts::contains)) {
      throw new CheckpointException(
          "%s: it has the columns %s, and none is %s: --prompt-column names another."
              .formatted(file, String.join(", ", columns), String.join(" or ", prompts)));
    }
    TableForm table = new TableForm(form, columns);
    List<String> unread = columns.stream().filter(each -> !table.isRead(each)).toList();
    if (!unread.isEmpty()) {
      Notices.say("%s: columns that are not read: %s".formatted(file, String.join(", ", unread)));
    }
    return table;
  }

  /** Whether rows depend on a column. */
  boolean isRead(String column) {
    return form.fields().contains(column) || SAMPLER_OPTIONS.contains(column);
  }

  /** Whether a column holds an option of a sampler. */
  static boolean isOption(String column) {
    return SAMPLER_OPTIONS.contains(column);
  }

  /**
   * Reads a row.
   *
   * @param cell of a column by its index; null or missing if it is empty
   */
  Row read(long number, IntFunction<JsonNode> cell) {
    String otherwise = String.valueOf(number + 1);
    ObjectNode fields = JsonNodeFactory.instance.objectNode();
    ObjectNode options = JsonNodeFactory.instance.objectNode();
    Set<String> bad = new LinkedHashSet<>();
    for (int index = 0; index < columns.size(); index++) {
      String column = columns.get(index);
      JsonNode value = isRead(column) ? cell.apply(index) : JsonNodeFactory.instance.nullNode();
      if (value.isNull() || value.isMissingNode()) {
        continue;
      }
      if (!form.fields().contains(column)) {
        options.set(column, value);
      } else if (STRUCTURED.contains(column) && value.isString()) {
        try {
          fields.set(column, JSON.readTree(value.stringValue()));
        } catch (JacksonException e) {
          bad.add(column + " is not JSON: " + e.getOriginalMessage());
        }
      } else {
        fields.set(column, value);
      }
    }
    if (fields.path(RowForm.OPTIONS) instanceof ObjectNode given) {
      given.setAll(options);
    } else if (!fields.has(RowForm.OPTIONS)) {
      fields.set(RowForm.OPTIONS, options);
    }
    Row row = form.read(number, otherwise, fields);
    return bad.isEmpty() ? row : new Row.Bad(number, row.id(), bad.iterator().next());
  }
}
