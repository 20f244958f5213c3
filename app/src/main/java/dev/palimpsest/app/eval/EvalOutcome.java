package dev.palimpsest.app.eval;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.palimpsest.app.file.Problem;
import dev.palimpsest.sampler.run.Generation;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * What became of a problem; a line of an outcomes file.
 *
 * @param problem its number among the problems of its file, from 0
 * @param id of the problem
 * @param prompt that the model was asked
 * @param answer that is right
 * @param text that the model wrote
 * @param right whether the text gives the answer
 * @param promptTokens tokens of the prompt
 * @param tokens of the text
 * @param nfe forwards run, once for every sequence computed
 * @param idleSteps steps that asked nothing, for which no forward was run
 * @param tpf tokens of the text per forward; empty without a forward
 * @param error why the problem could not be run
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
@JsonInclude(JsonInclude.Include.NON_ABSENT)
record EvalOutcome(
    int problem,
    String id,
    String prompt,
    String answer,
    String text,
    boolean right,
    int promptTokens,
    List<Integer> tokens,
    int nfe,
    int idleSteps,
    Optional<Double> tpf,
    Optional<String> error) {

  /** What was written about a problem. */
  static EvalOutcome of(
      int number, Problem problem, Generation generation, String text, Pattern pattern) {
    return new EvalOutcome(
        number,
        problem.id(),
        problem.prompt(),
        problem.answer(),
        text,
        problem.isAnsweredBy(text, pattern),
        generation.promptLength(),
        Arrays.stream(generation.tokens()).boxed().toList(),
        generation.forwards(),
        generation.idleSteps(),
        generation.forwards() == 0 ? Optional.empty() : Optional.of(generation.tokensPerForward()),
        Optional.empty());
  }

  /** A problem that the model cannot take is not answered. */
  static EvalOutcome refused(int number, Problem problem, String why) {
    return new EvalOutcome(
        number,
        problem.id(),
        problem.prompt(),
        problem.answer(),
        "",
        false,
        0,
        List.of(),
        0,
        0,
        Optional.empty(),
        Optional.of(why));
  }

  /** Whether it is about a problem, in the same words. */
  boolean isOf(Problem other) {
    return id.equals(other.id()) && prompt.equals(other.prompt()) && answer.equals(other.answer());
  }

  /** The same text, judged by a pattern. */
  EvalOutcome judged(Problem by, Pattern pattern) {
    return new EvalOutcome(
        problem,
        id,
        prompt,
        answer,
        text,
        error.isEmpty() && by.isAnsweredBy(text, pattern),
        promptTokens,
        tokens,
        nfe,
        idleSteps,
        tpf,
        error);
  }
}
