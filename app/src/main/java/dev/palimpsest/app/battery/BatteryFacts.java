package dev.palimpsest.app.battery;

import dev.palimpsest.lab.battery.Subject;
import dev.palimpsest.lab.battery.part.Settings;
import dev.palimpsest.sampler.trace.TraceHeader;
import java.util.List;
import java.util.Map;

/**
 * How a battery's observations came about.
 *
 * @param command that writes the file
 * @param date of the run's beginning, in UTC
 * @param revision of the sources
 * @param engine version
 * @param models the model, and its twin if there is one
 * @param file of the problems, its name alone
 * @param problems SHA-256 of all that is asked: ids, prompts and answers
 * @param answerPattern finds the answer
 * @param settings of the parts
 */
record BatteryFacts(
    String command,
    String date,
    String revision,
    String engine,
    List<ModelFacts> models,
    String file,
    String problems,
    String answerPattern,
    Settings settings) {
  /** Names of the facts on which no observation depends. */
  static final List<String> INCIDENTAL = List.of("date", "revision", "file", "backend", "device");

  /** Takes its own copy. */
  BatteryFacts {
    models = List.copyOf(models);
  }

  /**
   * A model in the battery.
   *
   * @param name in every result
   * @param sha256 of its files
   * @param sampler of its generations
   * @param options of it, with the seed of problem 0
   * @param backend that computes it
   * @param device where
   * @param precision of its products
   * @param arithmetic that they are computed in
   */
  record ModelFacts(
      String name,
      String sha256,
      String sampler,
      Map<String, Object> options,
      String backend,
      String device,
      String precision,
      String arithmetic) {
    /** Of a loaded model. */
    static ModelFacts of(Subject subject) {
      TraceHeader header = subject.header();
      return new ModelFacts(
          subject.name(),
          header.model().sha256(),
          header.sampler(),
          subject.options().toMap(),
          header.machine().backend(),
          header.machine().device(),
          header.machine().precision(),
          header.machine().arithmetic().orElse(""));
    }
  }
}
