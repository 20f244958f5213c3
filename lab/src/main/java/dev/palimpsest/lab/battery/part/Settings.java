package dev.palimpsest.lab.battery.part;

import dev.palimpsest.lab.battery.Part;
import dev.palimpsest.lab.plan.EquationReader;
import dev.palimpsest.sampler.intervention.Paraphraser;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * How the parts are done: what their observations depend on, written beside them.
 *
 * @param parts that are done, by their names
 * @param times of the time axis, parts of the steps in [0, 1)
 * @param rates of its corruptions
 * @param filler the text of the token that says nothing
 * @param draws of susceptibility for every share
 * @param texts of other seeds, and reconstructions, that vote
 * @param temperature of those texts
 * @param hints phrasings by their kinds; {@code {value}} is the hinted answer
 * @param paraphraser the name of what paraphrases
 * @param monitor the name of what monitors
 */
public record Settings(
    List<String> parts,
    List<Double> times,
    List<Double> rates,
    String filler,
    int draws,
    int texts,
    double temperature,
    Map<String, List<String>> hints,
    String paraphraser,
    String monitor) {

  /** Takes its own copies. */
  public Settings {
    parts = List.copyOf(parts);
    times = List.copyOf(times);
    rates = List.copyOf(rates);
    hints = Collections.unmodifiableMap(new LinkedHashMap<>(hints));
  }

  /** The same with other parts. */
  public Settings doing(List<String> others) {
    return new Settings(
        others, times, rates, filler, draws, texts, temperature, hints, paraphraser, monitor);
  }

  /** The same with another token that says nothing. */
  public Settings filledWith(String other) {
    return new Settings(
        parts, times, rates, other, draws, texts, temperature, hints, paraphraser, monitor);
  }

  /** The parts that are done, in the order of a report. */
  public List<Part> chosen(Paraphraser how, Monitor watcher) {
    return all(how, watcher).stream().filter(part -> parts.contains(part.name())).toList();
  }

  /** The parts whose numbers are to be computed: nothing is paraphrased or watched any more. */
  public List<Part> computed() {
    return chosen(new Paraphraser.Identity(), new Monitor.FalseEquation());
  }

  /** Every part there is, done so. */
  public List<Part> all(Paraphraser how, Monitor watcher) {
    return List.of(
        new EarlyAnswering(),
        new AddedMistake(),
        new Paraphrasing(how),
        new FillerTokens(filler),
        new TimeAxis(times, rates, how, filler),
        new Susceptibility(draws),
        new Direction(),
        new DelayedAnswer(),
        new Hints(hints),
        new ParaphraseGap(new EquationReader()),
        new StepOrder(),
        new Loops(how),
        new Helpfulness(filler),
        new Compute(),
        new Votes(texts, temperature),
        new Monitoring(watcher),
        new Introspection());
  }
}
