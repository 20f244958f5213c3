package dev.palimpsest.sampler.intervention;

import dev.palimpsest.step.Draw;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * Masks the filled positions again of which the model is least sure. It asks the model anew, in a
 * forward of its own, so that no confidence is carried from the step that wrote a token: sure is
 * who still has it as the most probable one, by that probability.
 *
 * @param region where
 * @param share of the filled positions there, rounded down
 */
public record RemaskLeastSure(Region region, double share) implements StepTransform {
  @Override
  public String name() {
    return "remask";
  }

  @Override
  public int mostForwards() {
    return 1;
  }

  @Override
  public Decision decide(StepContext context) {
    int[] rows =
        region.positions(context).stream()
            .filter(context::isText)
            .mapToInt(Integer::intValue)
            .toArray();
    if (rows.length == 0) {
      return new Decision.Act(Change.flag("nothing is filled in " + region.label()));
    }
    return new Decision.Ask(
        new Query(context.canvas().ids(), 0, rows, 0, Draw.GREEDY, Optional.empty()),
        predictions -> new Decision.Act(remask(context, rows, predictions)));
  }

  private Change remask(StepContext context, int[] rows, List<Prediction> predictions) {
    List<Integer> chosen =
        IntStream.range(0, rows.length)
            .boxed()
            .sorted(
                Comparator.comparingDouble(
                    row -> sureness(predictions.get(row), context.canvas().id(rows[row]))))
            .limit((long) (share * rows.length))
            .map(row -> rows[row])
            .sorted()
            .toList();
    String cause =
        "the %d least sure tokens in %s masked again".formatted(chosen.size(), region.label());
    return new Change(cause, Map.of(), chosen, false);
  }

  private static double sureness(Prediction prediction, int token) {
    return prediction.argmax() == token ? prediction.top() : -prediction.top();
  }
}
