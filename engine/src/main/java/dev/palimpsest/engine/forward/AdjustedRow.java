package dev.palimpsest.engine.forward;

import dev.palimpsest.engine.backend.Ranking;
import dev.palimpsest.engine.backend.RowDraw;
import dev.palimpsest.step.Draw;
import dev.palimpsest.step.IdSet;
import dev.palimpsest.step.Philox;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.SamplingFilter;
import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * A prediction from a whole row of logits that are adjusted first, in double precision: penalty,
 * temperature, nucleus, top k, {@code min_p}, softmax, draw.
 */
final class AdjustedRow {
  private final double[] scores;
  private final Draw draw;
  private final int position;

  /**
   * @param logits of one row; copied
   * @param tokens of the sequence, which are those that a penalty is for
   */
  AdjustedRow(float[] logits, int[] tokens, RowDraw how) {
    draw = how.draw();
    position = how.position();
    scores = new double[logits.length];
    Arrays.setAll(scores, id -> logits[id]);
    penalize(tokens);
    hide(draw.undrawn());
    hide(draw.uncounted());
    how.allowed().ifPresent(this::hideOthers);
    if (draw.temperature() > 0) {
      Arrays.setAll(scores, id -> scores[id] / draw.temperature());
    }
    cut();
  }

  private void penalize(int[] tokens) {
    double penalty = draw.adjustment().orElseThrow().repetitionPenalty();
    for (int id : IntStream.of(tokens).distinct().filter(id -> id < scores.length).toArray()) {
      scores[id] = scores[id] < 0 ? scores[id] * penalty : scores[id] / penalty;
    }
  }

  private void hide(int[] ids) {
    for (int id : ids) {
      if (id < scores.length) {
        scores[id] = Double.NEGATIVE_INFINITY;
      }
    }
  }

  private void hideOthers(IdSet allowed) {
    for (int id = 0; id < scores.length; id++) {
      if (!allowed.contains(id)) {
        scores[id] = Double.NEGATIVE_INFINITY;
      }
    }
  }

  /** Hides what nucleus, top k and {@code min_p} leave out. */
  private void cut() {
    SamplingFilter filter = draw.filter().orElse(SamplingFilter.ALL);
    int topK = filter.topK();
    double topP = filter.topP();
    double minP = draw.adjustment().orElseThrow().minP();
    if (topK >= scores.length && topP == 1 && minP == 0) {
      return;
    }
    int[] ranked =
        IntStream.range(0, scores.length)
            .boxed()
            .sorted(Comparator.comparingDouble((Integer id) -> -scores[id]))
            .mapToInt(Integer::intValue)
            .toArray();
    double top = scores[ranked[0]];
    boolean topKFirst = filter.order() == SamplingFilter.Order.TOP_K_FIRST;
    double sum =
        Arrays.stream(ranked)
            .limit(topKFirst ? topK : ranked.length)
            .mapToDouble(id -> StrictMath.exp(scores[id] - top))
            .sum();
    double bound = topP < 1 ? topP * sum : Double.MAX_VALUE;
    double before = 0;
    for (int rank = 0; rank < ranked.length; rank++) {
      double weight = StrictMath.exp(scores[ranked[rank]] - top);
      if (rank >= topK || before > bound || weight < minP) {
        hide(Arrays.copyOfRange(ranked, rank, ranked.length));
        return;
      }
      before += weight;
    }
  }

  /**
   * What is known of the row.
   *
   * @throws ArithmeticException if the logits are not finite or nothing may be drawn
   */
  Prediction prediction() {
    double top = Arrays.stream(scores).max().orElseThrow();
    double sum = 0;
    double weighted = 0;
    int argmax = -1;
    double second = Double.NEGATIVE_INFINITY;
    Ranking ranking = new Ranking();
    ranking.reset();
    ranking.keep(draw.alternatives());
    for (int id = 0; id < scores.length; id++) {
      double score = scores[id];
      if (score == Double.NEGATIVE_INFINITY) {
        continue;
      }
      double weight = StrictMath.exp(score - top);
      sum += weight;
      weighted += weight * (score - top);
      if (argmax < 0 && score == top) {
        argmax = id;
      } else {
        second = Math.max(second, score);
      }
      if (draw.alternatives() > 0) {
        ranking.add(id, (float) (score - top));
      }
    }
    if (argmax < 0 || !Double.isFinite(sum)) {
      throw new ArithmeticException(
          "a row of adjusted logits has the maximum %s where a finite number is expected: the model's"
                  .formatted(top)
              + " weights are damaged, or no id may be drawn");
    }
    double all = sum;
    int token = draw.temperature() > 0 ? drawn() : argmax;
    return new Prediction(
        token,
        StrictMath.exp(scores[token] - top) / sum,
        argmax,
        1 / sum,
        StrictMath.exp(second - top) / sum,
        top + StrictMath.log(sum),
        Math.max(0, StrictMath.log(sum) - weighted / sum),
        ranking.alternatives(each -> StrictMath.exp(each) / all, draw.uncounted()));
  }

  /** Gumbel-max, with the random numbers of every other draw. */
  private int drawn() {
    int[] random = new int[4];
    int drawn = -1;
    double best = Double.NEGATIVE_INFINITY;
    for (int id = 0; id < scores.length; id++) {
      if (id % 4 == 0) {
        Philox.block(draw.seed(), draw.step(), position, Philox.Purpose.GUMBEL, id / 4, random);
      }
      double noise = -StrictMath.log(-StrictMath.log(Philox.uniform(random[id % 4])));
      if (scores[id] + noise > best) {
        best = scores[id] + noise;
        drawn = id;
      }
    }
    return drawn;
  }
}
