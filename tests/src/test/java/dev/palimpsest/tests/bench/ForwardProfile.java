package dev.palimpsest.tests.bench;

import dev.palimpsest.engine.backend.Activation;
import dev.palimpsest.engine.backend.Backend;
import dev.palimpsest.engine.backend.CachedKeys;
import dev.palimpsest.engine.backend.ExpertWeights;
import dev.palimpsest.engine.backend.KvLayer;
import dev.palimpsest.engine.backend.QueryRows;
import dev.palimpsest.engine.backend.RowDraw;
import dev.palimpsest.engine.backend.Weight;
import dev.palimpsest.engine.backend.host.HostBackend;
import dev.palimpsest.engine.checkpoint.Tensor;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.engine.forward.Transformer;
import dev.palimpsest.engine.model.Experts;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.TreeMap;
import java.util.function.Supplier;

/** Which operations of a forward take how much of its time? */
public final class ForwardProfile {
  private static final int FORWARDS = 300;

  private ForwardProfile() {}

  /**
   * Prints a table for each precision and batch.
   *
   * @param args the model's folder, or nothing for the bundled model
   */
  public static void main(String[] args) {
    Path folder = BenchModels.folder(args.length == 0 ? "" : args[0]);
    int threads = Runtime.getRuntime().availableProcessors();
    for (Precision precision : Precision.values()) {
      for (int batch : new int[] {1, 32}) {
        TimedBackend backend = new TimedBackend(new HostBackend(precision, threads));
        try (Transformer transformer = BenchModels.load(folder, backend)) {
          List<Query> queries = BenchModels.queries(batch, BenchModels.spec(folder));
          int forwards = FORWARDS / batch + 20;
          long nanos = 0;
          for (int i = 0; i < 5 * forwards; i++) {
            if (i == 4 * forwards) {
              backend.nanos.clear();
              nanos = 0;
            }
            long start = System.nanoTime();
            List<List<Prediction>> _ = transformer.predict(queries);
            nanos += System.nanoTime() - start;
          }
          print(precision, batch, threads, forwards, nanos, backend.nanos);
        }
      }
    }
  }

  private static void print(
      Precision precision,
      int batch,
      int threads,
      int forwards,
      long nanos,
      Map<String, Long> operations) {
    System.out.printf(
        Locale.ROOT,
        "%s, batch %d, %d threads: %.3f ms a forward%n",
        precision,
        batch,
        threads,
        nanos / 1e6 / forwards);
    operations.merge(
        "(between operations)",
        nanos - operations.values().stream().mapToLong(Long::longValue).sum(),
        Long::sum);
    operations.entrySet().stream()
        .sorted(Map.Entry.<String, Long>comparingByValue().reversed())
        .forEach(
            each ->
                System.out.printf(
                    Locale.ROOT,
                    "  %-22s %9.1f µs %5.1f %%%n",
                    each.getKey(),
                    each.getValue() / 1e3 / forwards,
                    100.0 * each.getValue() / nanos));
  }

  /** Adds up the time of each operation. */
  private record TimedBackend(Backend backend, Map<String, Long> nanos) implements Backend {
    TimedBackend(Backend backend) {
      this(backend, new TreeMap<>());
    }

    private <T> T timed(String operation, Supplier<T> work) {
      long start = System.nanoTime();
      T result = work.get();
      nanos.merge(operation, System.nanoTime() - start, Long::sum);
      return result;
    }

    private void run(String operation, Runnable work) {
      long start = System.nanoTime();
      work.run();
      nanos.merge(operation, System.nanoTime() - start, Long::sum);
    }

    @Override
    public String describe() {
      return backend.describe();
    }

    @Override
    public String arithmetic() {
      return backend.arithmetic();
    }

    @Override
    public Precision precision() {
      return backend.precision();
    }

    @Override
    public boolean isBatchInvariant() {
      return backend.isBatchInvariant();
    }

    @Override
    public Weight weight(List<Tensor> parts) {
      return backend.weight(parts);
    }

    @Override
    public Weight table(int rows, int columns, float[] values) {
      return backend.table(rows, columns, values);
    }

    @Override
    public int paddedRows(int rows) {
      return backend.paddedRows(rows);
    }

    @Override
    public void begin(long elements) {
      backend.begin(elements);
    }

    @Override
    public void embed(int[] tokens, Weight table, Activation out) {
      run("embed", () -> backend.embed(tokens, table, out));
    }

    @Override
    public void embed(int[] ids, float[] shares, Weight table, Activation out) {
      run("embed", () -> backend.embed(ids, shares, table, out));
    }

    @Override
    public void rmsNorm(Activation x, Weight gain, double epsilon, Activation out) {
      run("rmsNorm", () -> backend.rmsNorm(x, gain, epsilon, out));
    }

    @Override
    public void linear(Activation x, Weight w, int firstRow, Activation out) {
      run("linear", () -> backend.linear(x, w, firstRow, out));
    }

    @Override
    public void linear(Activation x, Weight w, Weight bias, int firstRow, Activation out) {
      run("linear", () -> backend.linear(x, w, bias, firstRow, out));
    }

    @Override
    public void addLinear(Activation x, Weight w, Activation sum) {
      run("addLinear", () -> backend.addLinear(x, w, sum));
    }

    @Override
    public void rotate(Activation x, int headSize, int[] positions, Weight table) {
      run("rotate", () -> backend.rotate(x, headSize, positions, table));
    }

    @Override
    public void attention(
        Activation q,
        Activation k,
        Activation v,
        int headSize,
        QueryRows queries,
        int[] keyStarts,
        int[] limits,
        int window,
        Activation out) {
      run(
          "attention",
          () -> backend.attention(q, k, v, headSize, queries, keyStarts, limits, window, out));
    }

    @Override
    public void attention(
        Activation q,
        Activation computed,
        KvLayer layer,
        CachedKeys cached,
        Activation all,
        int headSize,
        QueryRows queries,
        int[] limits,
        int window,
        Activation out) {
      run(
          "attention",
          () ->
              backend.attention(
                  q, computed, layer, cached, all, headSize, queries, limits, window, out));
    }

    @Override
    public void swiGlu(Activation gateUp, Activation out) {
      run("swiGlu", () -> backend.swiGlu(gateUp, out));
    }

    @Override
    public void geGlu(Activation gateUp, Activation out) {
      run("geGlu", () -> backend.geGlu(gateUp, out));
    }

    @Override
    public void addRmsNorm(Activation x, Weight gain, double epsilon, Activation sum) {
      run("addRmsNorm", () -> backend.addRmsNorm(x, gain, epsilon, sum));
    }

    @Override
    public void scale(Activation x, Weight factors, int[] which) {
      run("scale", () -> backend.scale(x, factors, which));
    }

    @Override
    public void experts(
        Activation routed,
        Activation x,
        Weight router,
        Experts experts,
        ExpertWeights weights,
        Activation outputs,
        Activation out) {
      run("experts", () -> backend.experts(routed, x, router, experts, weights, outputs, out));
    }

    @Override
    public void restore(KvLayer layer, int[] slots, int[] rows, Activation out) {
      run("restore", () -> backend.restore(layer, slots, rows, out));
    }

    @Override
    public void softCap(Activation x, double cap) {
      run("softCap", () -> backend.softCap(x, cap));
    }

    @Override
    public void distribution(
        Activation x, Weight head, OptionalDouble cap, double temperature, Activation out) {
      run("distribution", () -> backend.distribution(x, head, cap, temperature, out));
    }

    @Override
    public Weight transposed(Weight w) {
      return backend.transposed(w);
    }

    @Override
    public void addExperts(
        Activation x,
        Weight router,
        Experts experts,
        ExpertWeights weights,
        Activation outputs,
        Activation sum) {
      run("addExperts", () -> backend.addExperts(x, router, experts, weights, outputs, sum));
    }

    @Override
    public void addToRows(Activation x, Weight values) {
      run("addToRows", () -> backend.addToRows(x, values));
    }

    @Override
    public void normHeads(Activation x, int headSize, Weight gain, double epsilon) {
      run("normHeads", () -> backend.normHeads(x, headSize, gain, epsilon));
    }

    @Override
    public Weight bias(List<Tensor> parts) {
      return backend.bias(parts);
    }

    @Override
    public Weight exactWeight(List<Tensor> parts) {
      return backend.exactWeight(parts);
    }

    @Override
    public KvLayer openKvLayer(int slots, int columns) {
      return backend.openKvLayer(slots, columns);
    }

    @Override
    public void cache(Activation x, int[] rows, KvLayer layer, int[] slots) {
      run("cache", () -> backend.cache(x, rows, layer, slots));
    }

    @Override
    public void gather(Activation x, int[] rows, Activation out) {
      run("gather", () -> backend.gather(x, rows, out));
    }

    @Override
    public void scatter(Activation x, int[] rows, Activation out) {
      backend.scatter(x, rows, out);
    }

    @Override
    public void guide(Activation x, int row, int unconditional, double scale) {
      backend.guide(x, row, unconditional, scale);
    }

    @Override
    public List<Prediction> vocabulary(
        Activation x, Weight head, OptionalDouble cap, List<RowDraw> draws) {
      return timed("vocabulary", () -> backend.vocabulary(x, head, cap, draws));
    }

    @Override
    public float[] read(Activation x) {
      return backend.read(x);
    }

    @Override
    public void close() {
      backend.close();
    }
  }
}
