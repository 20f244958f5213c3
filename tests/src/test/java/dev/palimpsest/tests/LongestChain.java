package dev.palimpsest.tests;

import dev.palimpsest.engine.model.Attention;
import dev.palimpsest.engine.model.Experts;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.engine.model.Router;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.LongStream;

/**
 * A transformer and its sampler written out number by number, where a number is the length of the
 * longest chain of operations that made it: an operation gives one more than the longest of its
 * operands, a sum is a tree of pairs. Nothing is known here of rules for whole arrays.
 */
final class LongestChain {
  private final ModelSpec spec;

  LongestChain(ModelSpec spec) {
    this.spec = spec;
  }

  /** Keys and values of one layer, by position. */
  private record Memory(List<long[]> keys, List<long[]> values) {
    Memory() {
      this(new ArrayList<>(), new ArrayList<>());
    }

    Memory copy() {
      return new Memory(new ArrayList<>(keys), new ArrayList<>(values));
    }
  }

  /** Keys and values of leading positions, layer by layer. */
  record Cache(List<Memory> layers) {
    int length() {
      return layers.getFirst().keys().size();
    }
  }

  /** Of no position. */
  Cache empty() {
    List<Memory> layers = new ArrayList<>();
    for (int layer = 0; layer < spec.layers(); layer++) {
      layers.add(new Memory());
    }
    return new Cache(layers);
  }

  /** Embeddings of token ids, which are read and not computed. */
  long[][] tokens(int count) {
    return new long[count][spec.hidden()];
  }

  /** What a forward gives: logits by row, and the cache with the rows' keys and values. */
  record Forward(long[][] logits, Cache cache) {}

  /** A forward over rows behind what is cached. */
  Forward forward(long[][] embeddings, Cache cached) {
    int before = cached.length();
    int length = before + embeddings.length;
    long[][] x = Arrays.stream(embeddings).map(long[]::clone).toArray(long[][]::new);
    List<Memory> layers = new ArrayList<>();
    for (int layer = 0; layer < spec.layers(); layer++) {
      Memory memory = cached.layers().get(layer).copy();
      long[][] queries = new long[x.length][];
      for (int row = 0; row < x.length; row++) {
        long[] normed = norm(x[row]);
        Attention attention = spec.attention();
        queries[row] = turned(projected(normed, attention.queryWidth()));
        memory.keys().add(turned(projected(normed, attention.keyWidth())));
        memory.values().add(projected(normed, attention.keyWidth()));
      }
      for (int row = 0; row < x.length; row++) {
        int seen = spec.attention().pattern().limit(before + row, length);
        x[row] = added(x[row], product(attended(queries[row], memory, seen), spec.hidden()));
      }
      for (int row = 0; row < x.length; row++) {
        long[] normed = norm(x[row]);
        if (spec.feedForward().isDense(layer)) {
          x[row] = added(x[row], gated(normed, spec.feedForward().width()));
        } else {
          x[row] = mixture(x[row], normed, spec.feedForward().experts().orElseThrow());
        }
      }
      layers.add(memory);
    }
    long[][] logits = new long[x.length][];
    for (int row = 0; row < x.length; row++) {
      logits[row] = product(norm(x[row]), spec.vocabulary());
    }
    return new Forward(logits, new Cache(layers));
  }

  private long[] projected(long[] x, int width) {
    long[] out = product(x, width);
    return spec.attention().projectionBias() ? each(out, 0) : out;
  }

  private long[] turned(long[] heads) {
    int size = spec.attention().headSize();
    int half = spec.attention().rotary().size() / 2;
    long[] out = new long[heads.length];
    for (int head = 0; head < heads.length; head += size) {
      long[] x = Arrays.copyOfRange(heads, head, head + size);
      x = spec.attention().headNorm() ? norm(x) : x;
      for (int i = 0; i < half; i++) {
        long turned = operation(operation(x[i]), operation(x[half + i]));
        x[i] = turned;
        x[half + i] = turned;
      }
      System.arraycopy(x, 0, out, head, size);
    }
    return out;
  }

  private long[] attended(long[] queries, Memory memory, int seen) {
    int size = spec.attention().headSize();
    int shared = spec.attention().heads() / spec.attention().keyValueHeads();
    long[] out = new long[queries.length];
    for (int head = 0; head < spec.attention().heads(); head++) {
      int from = head / shared * size;
      long[] scores = new long[seen];
      for (int key = 0; key < seen; key++) {
        long[] terms = new long[size];
        for (int i = 0; i < size; i++) {
          long scaled = operation(queries[head * size + i]);
          terms[i] = operation(scaled, memory.keys().get(key)[from + i]);
        }
        scores[key] = tree(terms);
      }
      long[] weights = softmax(scores);
      for (int i = 0; i < size; i++) {
        long[] terms = new long[seen];
        for (int key = 0; key < seen; key++) {
          terms[key] = operation(weights[key], memory.values().get(key)[from + i]);
        }
        out[head * size + i] = tree(terms);
      }
    }
    return out;
  }

  private long[] gated(long[] x, int width) {
    long[] inner = new long[width];
    long[] gate = product(x, width);
    long[] up = product(x, width);
    for (int i = 0; i < width; i++) {
      long logistic = operation(gate[i]);
      inner[i] = operation(operation(gate[i], logistic), up[i]);
    }
    return product(inner, spec.hidden());
  }

  private long[] mixture(long[] x, long[] normed, Experts experts) {
    long[] scores = product(normed, experts.count());
    long chosen;
    long share;
    switch (experts.router()) {
      case Router.Softmax router -> {
        chosen = tree(scores);
        share = Math.max(chosen, softmax(scores)[0]);
        if (router.normalized()) {
          long factor = operation(tree(filled(experts.perToken(), share)));
          share = operation(share, factor);
        }
      }
      case Router.ScaledSoftmax _ -> {
        chosen = tree(scores);
        share = Math.max(chosen, softmax(scores)[0]);
        long factor = operation(tree(filled(experts.perToken(), share)));
        share = operation(operation(share, factor));
      }
      case Router.GroupedSigmoid router -> {
        long[] shares = each(scores, 0);
        long[] ranked = router.biased() ? each(shares, 0) : shares;
        long best = tree(Arrays.copyOf(ranked, experts.count() / router.groups()));
        long kept = tree(filled(router.groups(), operation(best, best)));
        chosen = tree(each(ranked, kept));
        share = Math.max(chosen, shares[0]);
        long sum = operation(tree(filled(experts.perToken(), share)));
        share = operation(share, operation(sum));
      }
    }
    long[] output = gated(filled(spec.hidden(), Math.max(chosen, normed[0])), experts.width());
    long[] base = experts.sharedWidth() > 0 ? added(x, gated(normed, experts.sharedWidth())) : x;
    long[] sum = new long[x.length];
    for (int i = 0; i < x.length; i++) {
      sum[i] = tree(filled(experts.perToken(), operation(share, output[i])));
    }
    return added(base, sum);
  }

  /** The chain behind a token that is drawn from such logits. */
  long drawn(long[] logits) {
    return tree(each(cut(logits), 0));
  }

  /** The chain behind the longest of a prediction's numbers. */
  long predicted(long[] logits) {
    long[] kept = cut(logits);
    long top = tree(kept);
    long[] shifted = each(kept, top);
    long[] weights = each(shifted, 0);
    long[] weighted = new long[kept.length];
    for (int i = 0; i < kept.length; i++) {
      weighted[i] = operation(weights[i], shifted[i]);
    }
    long sum = tree(weights);
    long probability = operation(operation(operation(drawn(logits), top)), sum);
    long entropy = operation(operation(operation(sum), operation(tree(weighted), sum)));
    return Math.max(probability, entropy);
  }

  private static long[] cut(long[] logits) {
    long[] penalized = each(each(logits, 0), 0);
    long[] tempered = each(penalized, 0);
    long ranked = tree(tempered);
    long weight = operation(operation(ranked));
    long bound = operation(tree(filled(logits.length, weight)));
    return each(tempered, operation(bound));
  }

  /** The chain behind the choice among so many positions with such predictions. */
  static long chosen(int positions, long prediction) {
    long ranked = tree(filled(positions, operation(operation(prediction))));
    long withinBound = operation(tree(filled(positions, tree(filled(positions, prediction)))));
    long weight = operation(prediction);
    long share = operation(weight, tree(filled(positions, weight)));
    long maskedAgain = operation(operation(share));
    return operation(LongStream.of(ranked, withinBound, maskedAgain).max().orElseThrow());
  }

  /** The embedding that such logits weigh together. */
  long[] expected(long[] logits) {
    long[] probabilities = softmax(each(logits, 0));
    return product(probabilities, spec.hidden());
  }

  /** The embedding that the few highest of such logits weigh together. */
  long[] expectedOfFew(long[] logits, int few) {
    long[] probabilities = softmax(each(logits, 0));
    long[] kept = filled(few, tree(probabilities));
    return product(each(kept, tree(kept)), spec.hidden());
  }

  private static long[] norm(long[] x) {
    long[] squares = new long[x.length];
    for (int i = 0; i < x.length; i++) {
      squares[i] = operation(x[i], x[i]);
    }
    long mean = operation(tree(squares));
    long root = operation(operation(mean));
    return each(each(x, root), 0);
  }

  private static long[] softmax(long[] x) {
    long[] weights = each(each(x, tree(x)), 0);
    return each(weights, tree(weights));
  }

  /** A product with a matrix of weights. */
  private static long[] product(long[] x, int width) {
    return filled(width, tree(each(x, 0)));
  }

  private static long[] added(long[] x, long[] y) {
    long[] sum = new long[x.length];
    for (int i = 0; i < x.length; i++) {
      sum[i] = operation(x[i], y[i]);
    }
    return sum;
  }

  /** One operation on every number and another one. */
  private static long[] each(long[] x, long other) {
    return Arrays.stream(x).map(value -> operation(value, other)).toArray();
  }

  private static long[] filled(int count, long value) {
    long[] values = new long[count];
    Arrays.fill(values, value);
    return values;
  }

  private static long operation(long... operands) {
    return 1 + Arrays.stream(operands).max().orElseThrow();
  }

  /** Pairs, and pairs of these, until one is left. */
  private static long tree(long[] leaves) {
    long[] level = leaves.clone();
    while (level.length > 1) {
      long[] next = new long[(level.length + 1) / 2];
      for (int i = 0; i < next.length; i++) {
        boolean isPair = 2 * i + 1 < level.length;
        next[i] = isPair ? operation(level[2 * i], level[2 * i + 1]) : level[2 * i];
      }
      level = next;
    }
    return level[0];
  }
}
