package dev.palimpsest.step;

import java.util.List;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;

/**
 * One step: a pure function of tokens.
 *
 * <p>Nothing computed by one call is visible to the next; a row's prediction does not depend, bit
 * for bit, on which other queries share the call.
 */
@FunctionalInterface
public interface Denoiser {
  /**
   * Runs one forward pass over all queries as a single ragged batch.
   *
   * @return for every query, one prediction per asked row, in the order of {@link Query#rows()}
   */
  List<List<Prediction>> predict(List<Query> queries);

  /** The same model, which is asked something else. */
  default Denoiser asking(UnaryOperator<Query> instead) {
    return queries -> predict(queries.stream().map(instead).toList());
  }

  /**
   * The same model whose predictions name the most probable ids of every row, at least so many.
   *
   * @param alternatives 0 leaves the model as it is
   */
  default Denoiser naming(int alternatives) {
    return alternatives == 0
        ? this
        : asking(query -> query.naming(Math.max(query.draw().alternatives(), alternatives)));
  }

  /**
   * The same model, which is watched.
   *
   * @param after hears of the queries of every forward that has been run
   */
  default Denoiser watched(Consumer<List<Query>> after) {
    return queries -> {
      List<List<Prediction>> predictions = predict(queries);
      after.accept(queries);
      return predictions;
    };
  }
}
