package dev.palimpsest.step;

import java.util.List;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;

/**
 * A model that was made to be told more than tokens of the step before (self-conditioning). As a
 * {@link Denoiser} it is told tokens alone, and a pure function of them; here it is not, and no
 * guarantee is claimed of what it writes.
 */
public interface SoftDenoiser extends Denoiser {
  /** Room for all that a sequence can hand on, which holds nothing yet. */
  SoftState open();

  /**
   * Room for the most probable ids of every position, as its prediction names them, and their
   * probabilities, divided by their sum; it holds nothing yet.
   *
   * @param alternatives how many ids of a position, at least 1
   */
  SoftState open(int alternatives);

  /**
   * As {@link #predict}, with what goes on beside tokens.
   *
   * @return for every query, one prediction per asked row
   */
  List<List<Prediction>> predictSoftly(List<SoftQuery> queries);

  @Override
  default SoftDenoiser asking(UnaryOperator<Query> instead) {
    return new Around(this, instead, _ -> {});
  }

  @Override
  default SoftDenoiser watched(Consumer<List<Query>> after) {
    return new Around(this, UnaryOperator.identity(), after);
  }

  /**
   * A model with something done to its queries before, and told after.
   *
   * @param instead what is asked
   * @param after hears of the queries of every forward that has been run
   */
  record Around(SoftDenoiser model, UnaryOperator<Query> instead, Consumer<List<Query>> after)
      implements SoftDenoiser {
    @Override
    public SoftState open() {
      return model.open();
    }

    @Override
    public SoftState open(int alternatives) {
      return model.open(alternatives);
    }

    @Override
    public List<List<Prediction>> predict(List<Query> queries) {
      List<Query> asked = queries.stream().map(instead).toList();
      List<List<Prediction>> predictions = model.predict(asked);
      after.accept(asked);
      return predictions;
    }

    @Override
    public List<List<Prediction>> predictSoftly(List<SoftQuery> queries) {
      List<SoftQuery> asked =
          queries.stream()
              .map(each -> new SoftQuery(instead.apply(each.query()), each.carried()))
              .toList();
      List<List<Prediction>> predictions = model.predictSoftly(asked);
      after.accept(asked.stream().map(SoftQuery::query).toList());
      return predictions;
    }
  }
}
