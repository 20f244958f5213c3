package dev.palimpsest.app.lens;

import dev.palimpsest.app.file.Problem;
import dev.palimpsest.lab.answer.SpanRule;
import dev.palimpsest.lab.answer.Spans;
import dev.palimpsest.sampler.trace.Trace;
import java.util.List;
import java.util.Optional;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/** What a linear probe is to tell of a text that is not written yet. */
enum ProbeLabel {
  /** Whether its answer is the right one. */
  RIGHT,
  /** The operation of its last equation. */
  OPERATION,
  /** The last digit of the result of its last equation. */
  NUMBER;

  private static final Pattern EQUATION = Pattern.compile("\\d+([-+*])\\d+=\\d*(\\d)");

  /** The label of a trace; empty if it has none. */
  Optional<String> of(Trace trace, SpanRule rule, List<Problem> problems) {
    return switch (this) {
      case RIGHT ->
          expected(trace, problems)
              .map(
                  right ->
                      answer(trace, rule).map(Spans::answer).filter(right::equals).isPresent()
                          ? "right"
                          : "wrong");
      case OPERATION -> lastEquation(trace).map(match -> match.group(1));
      case NUMBER -> lastEquation(trace).map(match -> match.group(2));
    };
  }

  static Optional<Spans> answer(Trace trace, SpanRule rule) {
    return rule.find(
        Spans.known(trace.last()),
        trace.last().promptLength(),
        trace.header().specials(),
        trace::piece);
  }

  private static Optional<MatchResult> lastEquation(Trace trace) {
    StringBuilder text = new StringBuilder();
    for (int at = trace.last().promptLength(); at < trace.last().length(); at++) {
      if (trace.header().specials().isStop(trace.last().id(at))) {
        break;
      }
      text.append(trace.piece(trace.last().id(at)));
    }
    return EQUATION.matcher(text).results().reduce((_, later) -> later);
  }

  private static Optional<String> expected(Trace trace, List<Problem> problems) {
    String prompt = prompt(trace);
    return problems.stream()
        .filter(problem -> prompt.contains(problem.prompt()))
        .findFirst()
        .map(Problem::answer);
  }

  /** The prompt as the trace has it, which is what a problem is known by. */
  static String prompt(Trace trace) {
    StringBuilder prompt = new StringBuilder();
    for (int at = 0; at < trace.last().promptLength(); at++) {
      prompt.append(trace.piece(trace.last().id(at)));
    }
    return prompt.toString();
  }
}
