package dev.palimpsest.sampler.run;

import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import java.util.List;

/** Whether a denoiser's predictions are what was asked for. */
final class PredictionCheck {
  private PredictionCheck() {}

  /**
   * Checks one query's predictions.
   *
   * @throws IllegalStateException if there is not one per row, or one is not a number, draws what
   *     must not be drawn or does not score its target
   */
  static void require(Query query, List<Prediction> predictions) {
    int[] rows = query.rows();
    if (predictions.size() != rows.length) {
      throw new IllegalStateException(
          "the model predicted " + predictions.size() + " of " + rows.length + " rows");
    }
    for (int row = 0; row < rows.length; row++) {
      Prediction prediction = predictions.get(row);
      if (Double.isNaN(prediction.probability())) {
        throw new IllegalStateException(
            "position " + rows[row] + " has probability NaN: the model's logits are not finite");
      }
      if (query.targets().length > 0
          && !(prediction.targetLogProbability().orElse(Double.NaN) <= 0)) {
        throw new IllegalStateException(
            "position %d scores its target %d with %s: a logarithm of a probability is 0 or below"
                .formatted(rows[row], query.targets()[row], prediction.targetLogProbability()));
      }
      for (int id : query.draw().undrawn()) {
        if (prediction.token() == id) {
          throw new IllegalStateException(
              "position " + rows[row] + " drew id " + id + ", which must not be drawn");
        }
      }
    }
  }
}
