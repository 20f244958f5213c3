package dev.palimpsest.step;

import java.util.List;

/**
 * One step: a pure function of tokens.
 *
 * <p>Nothing computed by one call is visible to the next; a row's prediction does not depend, bit
 * for bit, on which other queries share the call.
 */
public interface Denoiser {
  /**
   * Runs one forward pass over all queries as a single ragged batch.
   *
   * @return for every query, one prediction per asked row, in the order of {@link Query#rows()}
   */
  List<List<Prediction>> predict(List<Query> queries);
}
