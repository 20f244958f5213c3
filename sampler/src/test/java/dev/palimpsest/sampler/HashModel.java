package dev.palimpsest.sampler;

import dev.palimpsest.step.Alternative;
import dev.palimpsest.step.AttentionPattern;
import dev.palimpsest.step.Draw;
import dev.palimpsest.step.Philox;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import dev.palimpsest.step.SamplingFilter;
import dev.palimpsest.step.SoftDenoiser;
import dev.palimpsest.step.SoftQuery;
import dev.palimpsest.step.SoftState;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * A model whose logits are a hash of every token and of the position: no more meaning, but as much
 * dependence on context, as a transformer. It reduces rows to predictions the way {@link Draw}
 * says.
 */
public final class HashModel implements SoftDenoiser {
  public final int vocabulary;
  private final long seed;
  private final double spread;
  public final int levels;
  private final int suppressed;
  public final AttentionPattern pattern;

  public int forwards;
  public final List<List<Query>> asked = new ArrayList<>();

  /**
   * A model.
   *
   * @param spread logits are in [0, spread]
   * @param levels 0 for continuous logits; else they take so many values, so that ties abound
   * @param suppressed an id whose logit is always -50; -1 for none
   */
  public HashModel(int vocabulary, long seed, double spread, int levels, int suppressed) {
    this(vocabulary, seed, spread, levels, suppressed, new AttentionPattern.Full());
  }

  /** A model whose logits depend on the tokens that the pattern lets a position see. */
  public HashModel(
      int vocabulary,
      long seed,
      double spread,
      int levels,
      int suppressed,
      AttentionPattern pattern) {
    this.pattern = pattern;
    this.vocabulary = vocabulary;
    this.seed = seed;
    this.spread = spread;
    this.levels = levels;
    this.suppressed = suppressed;
  }

  /** The logits of every position, {@code [length, vocabulary]}. */
  public float[][] logits(int[] tokens) {
    return logits(tokens, 0);
  }

  /** As above, where something else is told than the tokens; 0 if nothing is. */
  public float[][] logits(int[] tokens, long told) {
    return logits(tokens, told, pattern);
  }

  /** The logits of every position, of a model that attends so. */
  public float[][] logits(int[] tokens, AttentionPattern attention) {
    return logits(tokens, 0, attention);
  }

  private float[][] logits(int[] tokens, long told, AttentionPattern attention) {
    int[] places = attention.order(tokens);
    int[] order = places.length > 0 ? places : IntStream.range(0, tokens.length).toArray();
    long[] contexts = new long[tokens.length + 1];
    contexts[0] = mix(seed ^ told);
    for (int i = 0; i < tokens.length; i++) {
      contexts[i + 1] = mix(contexts[i] ^ tokens[order[i]] ^ ((long) (order[i] - i) << 32));
    }
    float[][] logits = new float[tokens.length][vocabulary];
    for (int i = 0; i < tokens.length; i++) {
      int position = order[i];
      long context = contexts[attention.limit(i, tokens.length)];
      for (int id = 0; id < vocabulary; id++) {
        double unit = (mix(mix(context + position) + id) >>> 11) * 0x1p-53;
        if (levels > 0) {
          unit = Math.floor(unit * levels) / levels;
        }
        logits[position][id] = id == suppressed ? -50 : (float) (unit * spread);
      }
    }
    return logits;
  }

  @Override
  public List<List<Prediction>> predict(List<Query> queries) {
    forwards++;
    asked.add(List.copyOf(queries));
    return queries.stream().map(this::predict).toList();
  }

  /** What a step left, as one number: no more than a model's embeddings can it be written down. */
  private static final class Left implements SoftState {
    long hash;

    @Override
    public void close() {
      hash = 0;
    }
  }

  /** The most probable ids of a step and their probabilities; of one id alone, the id. */
  private static final class Few implements SoftState {
    final int each;
    long hash;

    Few(int each) {
      this.each = each;
    }

    void write(List<Prediction> predictions) {
      if (each == 1) {
        hash = told(predictions.stream().mapToInt(Prediction::argmax).toArray());
      } else {
        hash = mix(predictions.stream().mapToLong(one -> one.alternatives().hashCode()).sum());
      }
    }

    @Override
    public void close() {
      hash = 0;
    }
  }

  @Override
  public SoftState open() {
    return new Left();
  }

  @Override
  public SoftState open(int alternatives) {
    return new Few(alternatives);
  }

  @Override
  public List<List<Prediction>> predictSoftly(List<SoftQuery> queries) {
    forwards++;
    asked.add(queries.stream().map(SoftQuery::query).toList());
    List<List<Prediction>> all = new ArrayList<>();
    for (SoftQuery each : queries) {
      if (each.carried().isEmpty()) {
        all.add(predict(each.query()));
        continue;
      }
      boolean told = each.carried().get().told();
      if (each.carried().get().state() instanceof Few few) {
        List<Prediction> named = predict(each.query().naming(few.each), told ? few.hash : 0);
        few.write(named);
        all.add(named.stream().map(one -> one.with(List.of())).toList());
        continue;
      }
      Left left = (Left) each.carried().get().state();
      List<Prediction> predictions = predict(each.query(), told ? left.hash : 0);
      left.hash =
          mix(predictions.stream().mapToLong(one -> Double.hashCode(one.logSumExp())).sum());
      all.add(predictions);
    }
    return all;
  }

  /** Ids that are told, as one number. */
  public static long told(int[] ids) {
    return ids.length == 0 ? 0 : mix(Arrays.hashCode(ids));
  }

  private List<Prediction> predict(Query query) {
    return predict(query, told(query.told()));
  }

  private List<Prediction> predict(Query query, long told) {
    float[][] conditional = logits(query.tokens(), told, query.attention().orElse(pattern));
    float[][] unconditional =
        query.guidance().isPresent()
            ? logits(query.guidance().orElseThrow().unconditionalTokens())
            : conditional;
    double scale = query.guidance().map(Query.Guidance::scale).orElse(0.0);
    List<Prediction> predictions = new ArrayList<>();
    for (int row : query.rows()) {
      double[] logits = new double[vocabulary];
      for (int id = 0; id < vocabulary; id++) {
        double u = unconditional[row][id];
        logits[id] = scale == 0 ? u : u + (scale + 1) * (conditional[row][id] - u);
      }
      Prediction prediction = reduce(logits, row + query.firstPosition(), query.draw());
      predictions.add(
          query.targets().length == 0
              ? prediction
              : prediction.scored(logProbability(logits, query.targets()[predictions.size()])));
    }
    return predictions;
  }

  private static double logProbability(double[] logits, int id) {
    double sum = 0;
    for (double logit : logits) {
      sum += Math.exp(logit);
    }
    return logits[id] - Math.log(sum);
  }

  /** One row of logits to its prediction. */
  public static Prediction reduce(double[] logits, int position, Draw draw) {
    if (draw.filter().isPresent()) {
      return reduceFiltered(logits, position, draw);
    }
    int token = -1;
    int argmax = -1;
    double best = Double.NEGATIVE_INFINITY;
    double highest = Double.NEGATIVE_INFINITY;
    double sum = 0;
    for (int id = 0; id < logits.length; id++) {
      if (!contains(draw.uncounted(), id)) {
        highest = Math.max(highest, logits[id]);
      }
    }
    int[] words = new int[4];
    double[] probabilities = new double[logits.length];
    for (int id = 0; id < logits.length; id++) {
      if (!contains(draw.uncounted(), id)) {
        probabilities[id] = Math.exp(logits[id] - highest);
        sum += probabilities[id];
      }
      if (contains(draw.undrawn(), id)) {
        continue;
      }
      if (argmax < 0 || logits[id] > logits[argmax]) {
        argmax = id;
      }
      double score = logits[id];
      if (draw.temperature() > 0) {
        Philox.block(draw.seed(), draw.step(), position, Philox.Purpose.GUMBEL, id / 4, words);
        score -= draw.temperature() * Math.log(-Math.log(Philox.uniform(words[id % 4])));
      }
      if (token < 0 || score > best) {
        best = score;
        token = id;
      }
    }
    double entropy = 0;
    for (int id = 0; id < logits.length; id++) {
      probabilities[id] /= sum;
      if (probabilities[id] > 0) {
        entropy -= probabilities[id] * Math.log(probabilities[id]);
      }
    }
    double[] sorted = probabilities.clone();
    Arrays.sort(sorted);
    return new Prediction(
        token,
        probabilities[token],
        argmax,
        sorted[sorted.length - 1],
        sorted[sorted.length - 2],
        highest + Math.log(sum),
        entropy,
        IntStream.range(0, logits.length)
            .filter(id -> !contains(draw.undrawn(), id))
            .boxed()
            .sorted(Comparator.comparingDouble((Integer id) -> -logits[id]).thenComparing(id -> id))
            .limit(draw.alternatives())
            .map(id -> new Alternative(id, probabilities[id]))
            .toList());
  }

  /** What the filter leaves over, tempered, is an unfiltered row. */
  private static Prediction reduceFiltered(double[] logits, int position, Draw draw) {
    SamplingFilter filter = draw.filter().orElseThrow();
    double temperature = draw.temperature() == 0 ? 1 : draw.temperature();
    double[] weights = new double[logits.length];
    double total = 0;
    for (int id = 0; id < logits.length; id++) {
      boolean out = contains(draw.undrawn(), id) || contains(draw.uncounted(), id);
      weights[id] = out ? 0 : Math.exp(logits[id] / temperature);
      total += weights[id];
    }
    if (filter.order() == SamplingFilter.Order.TOP_K_FIRST) {
      double lost = 0;
      double[] sorted = weights.clone();
      Arrays.sort(sorted);
      for (int id = 0; id < sorted.length - filter.topK(); id++) {
        lost += sorted[id];
      }
      total -= lost;
    }
    double[] kept = new double[logits.length];
    int[] left = new int[logits.length];
    int leftCount = 0;
    for (int id = 0; id < logits.length; id++) {
      int rank = 0;
      double before = 0;
      for (int other = 0; other < logits.length; other++) {
        if (weights[other] > weights[id] || (weights[other] == weights[id] && other < id)) {
          rank++;
          before += weights[other] / total;
        }
      }
      kept[id] = logits[id] / temperature;
      if (weights[id] == 0 || rank >= filter.topK() || before > filter.topP()) {
        left[leftCount++] = id;
      }
    }
    int[] gone = Arrays.copyOf(left, leftCount);
    double noise = draw.temperature() == 0 ? 0 : 1;
    return reduce(
        kept,
        position,
        new Draw(noise, Optional.empty(), draw.seed(), draw.step(), gone, gone)
            .naming(draw.alternatives()));
  }

  private static boolean contains(int[] ids, int id) {
    for (int each : ids) {
      if (each == id) {
        return true;
      }
    }
    return false;
  }

  private static long mix(long z) {
    z = (z + 0x9E3779B97F4A7C15L) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 30)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }
}
