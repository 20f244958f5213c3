package dev.palimpsest.app.eval;

import dev.palimpsest.app.file.Journal;
import dev.palimpsest.app.file.Problem;
import dev.palimpsest.engine.checkpoint.CheckpointException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Pattern;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The outcomes of problems as they are finished, in a file if one is wanted: whoever evaluates the
 * same again goes on with the others. May be asked by one thread while another adds.
 */
final class Evaluation implements AutoCloseable {
  private static final JsonMapper MAPPER = new JsonMapper();

  private final List<Problem> problems;
  private final Map<String, Object> facts;
  private final Optional<Journal> journal;
  private final Map<Integer, EvalOutcome> outcomes = new TreeMap<>();

  /**
   * Begins, or goes on.
   *
   * @param problems all that are to be answered
   * @param facts what their texts depend on
   * @param file of the outcomes
   * @param pattern finds the answer in a text
   */
  Evaluation(
      List<Problem> problems, Map<String, Object> facts, Optional<Path> file, Pattern pattern)
      throws IOException {
    this.problems = problems;
    this.facts = facts;
    journal =
        file.isPresent()
            ? Optional.of(Journal.open(file.get(), facts, List.of()))
            : Optional.empty();
    try {
      for (JsonNode entry : journal.map(Journal::entries).orElse(List.of())) {
        take(file.orElseThrow(), entry, pattern);
      }
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  private void take(Path file, JsonNode entry, Pattern pattern) {
    EvalOutcome outcome;
    try {
      outcome = MAPPER.treeToValue(entry, EvalOutcome.class);
    } catch (JacksonException e) {
      throw new CheckpointException(file + ": it holds a line that is no outcome.", e);
    }
    int number = outcome.problem();
    if (number < problems.size()) {
      Problem problem = problems.get(number);
      if (!outcome.isOf(problem)) {
        throw new CheckpointException(
            "%s: it holds an outcome of another problem %s, and now its prompt is \"%s\": use another name."
                .formatted(file, outcome.id(), problem.prompt()));
      }
      outcomes.put(number, outcome.judged(problem, pattern));
    }
  }

  synchronized boolean isFinished(int problem) {
    return outcomes.containsKey(problem);
  }

  /** Keeps an outcome. */
  synchronized void add(EvalOutcome outcome) throws IOException {
    if (journal.isPresent()) {
      journal.get().add(outcome);
    }
    outcomes.put(outcome.problem(), outcome);
  }

  synchronized EvalReport report() {
    return new EvalReport(problems, new ArrayList<>(outcomes.values()));
  }

  /** Writes what is finished into a new file, for those who did not ask for one before. */
  synchronized void keep(Path file) throws IOException {
    try (Journal kept = Journal.open(file, facts, List.of())) {
      for (EvalOutcome outcome : outcomes.values()) {
        kept.add(outcome);
      }
    }
  }

  @Override
  public void close() throws IOException {
    if (journal.isPresent()) {
      journal.get().close();
    }
  }
}
