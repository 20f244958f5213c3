package dev.palimpsest.app.trace;

import dev.palimpsest.api.LanguageModel;
import dev.palimpsest.sampler.likelihood.Exact;
import dev.palimpsest.sampler.likelihood.Measurement;
import dev.palimpsest.sampler.likelihood.Passage;
import dev.palimpsest.sampler.run.Driver;
import dev.palimpsest.sampler.run.Scoring;
import dev.palimpsest.sampler.trace.TextTrace;
import dev.palimpsest.sampler.trace.TraceException;
import java.util.OptionalDouble;

/**
 * How surprising a trace's states are to a model that writes from left to right.
 *
 * @param twin the model
 * @param prompt what it has read before them
 */
record TwinReader(LanguageModel twin, int[] prompt) {
  /**
   * A reader of a trace.
   *
   * @throws TraceException if the trace does not say what its prompt was
   */
  static TwinReader of(LanguageModel twin, TextTrace trace) {
    String prompt =
        trace
            .source()
            .prompt()
            .orElseThrow(
                () ->
                    new TraceException(
                        trace.name()
                            + ": --twin reads a text behind its prompt, and the trace has none:"
                            + " import it with --prompt."));
    return new TwinReader(
        twin,
        trace.source().isOfTokens()
            ? twin.model().tokenizer().encode(prompt)
            : twin.model().prompt(prompt));
  }

  /**
   * The mean over a text's characters of -ln p, in nats; what is masked is left out, so that what
   * stands around it meets.
   *
   * @return empty if nothing but masks is there
   */
  OptionalDouble nats(String text) {
    String seen = text.replace(String.valueOf(TextTrace.MASK), "");
    if (seen.isEmpty()) {
      return OptionalDouble.empty();
    }
    int[] ids = twin.model().tokenizer().encode(twin.model().tokenizer().literal(seen));
    Measurement measurement = twin.generator().measurement(new Passage(prompt, ids), new Exact());
    Scoring scoring = new Scoring(measurement.forwards());
    Driver driver = new Driver(twin.model().transformer(), Driver.UNLIMITED);
    Driver.Ticket _ = driver.submit(scoring);
    driver.run(() -> false);
    double logprob = measurement.result(scoring.predictions()).value();
    return OptionalDouble.of(-logprob / seen.codePointCount(0, seen.length()));
  }
}
