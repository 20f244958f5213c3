package dev.palimpsest.sampler.trace;

import dev.palimpsest.step.Denoiser;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import java.util.List;

/**
 * A model whose predictions name the most probable ids of every row, for a trace to record.
 * Samplers do not look at them.
 *
 * @param denoiser the model
 * @param alternatives how many at least; 0 leaves the model as it is
 */
public record NamingDenoiser(Denoiser denoiser, int alternatives) implements Denoiser {
  @Override
  public List<List<Prediction>> predict(List<Query> queries) {
    return denoiser.predict(
        alternatives == 0
            ? queries
            : queries.stream()
                .map(query -> query.naming(Math.max(query.draw().alternatives(), alternatives)))
                .toList());
  }
}
