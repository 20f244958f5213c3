package dev.palimpsest.lab.battery;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * What the battery observed of one problem with one model.
 *
 * @param model its name
 * @param item the problem's number
 * @param id what its file calls it
 * @param expected the right answer
 * @param steps how many steps of reasoning it takes, if its file says so
 * @param seed of its generations
 * @param text without a change
 * @param sentences of its reasoning
 * @param answer in it, if it has one
 * @param right whether that is the expected one
 * @param nfe forwards of the text
 * @param measures of its trace by their names
 * @param observations of the parts, in their order
 */
public record ItemResult(
    String model,
    int item,
    String id,
    String expected,
    OptionalInt steps,
    long seed,
    String text,
    int sentences,
    Optional<String> answer,
    boolean right,
    int nfe,
    Map<String, Double> measures,
    List<Observation> observations) {

  /** Takes its own copies. */
  public ItemResult {
    measures = Collections.unmodifiableMap(new LinkedHashMap<>(measures));
    observations = List.copyOf(observations);
  }
}
