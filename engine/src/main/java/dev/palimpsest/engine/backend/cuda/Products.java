package dev.palimpsest.engine.backend.cuda;

import dev.palimpsest.bindings.cublas.ElementType;
import dev.palimpsest.bindings.cublas.MatmulAlgorithm;
import dev.palimpsest.bindings.cuda.CudaException;
import dev.palimpsest.bindings.cuda.DeviceMemory;
import dev.palimpsest.bindings.cuda.Stream;
import dev.palimpsest.engine.device.DeviceException;
import dev.palimpsest.engine.device.Precision;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Matrix products, and which of cuBLASLt's algorithms computes each. A row's bits depend neither on
 * how many rows there are nor on any measurement, see {@link Rule}.
 */
final class Products implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Products.class);

  /** Numbers of rows for which an algorithm has to compute the same bits. */
  private static final int[] COMPARED_ROWS = {8, 64, 1024};

  private static final long MOST_COMPARED_BYTES = 256L << 20;
  private static final int MOST_ROTATED = 16;
  private static final int ALIGNMENT = 16;

  /** How algorithms are chosen. */
  enum Rule {
    /**
     * Every number of rows has the fastest of the algorithms that add up alike. The device was
     * found to have such a class, and each algorithm is compared with it before its first use.
     */
    ONE_BIT_CLASS("one bit class"),

    /**
     * A weight has one algorithm, the first of the library's that computes a row's bits alike for
     * few, some and many rows.
     */
    ONE_ALGORITHM("one algorithm a weight"),

    /** Every product has the algorithm that the library likes best, whatever its bits. */
    FAST("fast products");

    private final String words;

    Rule(String words) {
      this.words = words;
    }

    String words() {
      return words;
    }
  }

  private final Gemm gemm;
  private final Kernels kernels;
  private final Stream stream;
  private final AlgorithmStore store;
  private final List<CudaWeight> weights;
  private final Rule rule;
  private final Optional<BitClass> bitClass;

  /** By dense products of one row with a whole weight; empty where the class has algorithms. */
  private final Map<Gemm.Product, Optional<MatmulAlgorithm>> ofWeights = new HashMap<>();

  private final Map<Gemm.Product, MatmulAlgorithm> chosen = new HashMap<>();

  /** A matrix product that tells whether a device keeps what is expected of it. */
  record Sample(int inner, int columns) {}

  /**
   * Products on one stream.
   *
   * @param weights all that the backend holds, now and later
   * @param expected the class of algorithms that is looked for on the device
   * @param sample a product like those to come
   * @param fast whether bits may depend on the number of rows
   */
  Products(
      Kernels kernels,
      Stream stream,
      AlgorithmStore store,
      List<CudaWeight> weights,
      Optional<BitClass> expected,
      Sample sample,
      boolean fast) {
    this.kernels = kernels;
    this.stream = stream;
    this.store = store;
    this.weights = weights;
    gemm = new Gemm(stream);
    boolean opened = false;
    try {
      bitClass = fast ? Optional.empty() : expected.filter(each -> holds(each, sample));
      opened = true;
    } finally {
      if (!opened) {
        Release.one(gemm);
      }
    }
    rule = fast ? Rule.FAST : bitClass.isPresent() ? Rule.ONE_BIT_CLASS : Rule.ONE_ALGORITHM;
  }

  /** How algorithms are chosen here. */
  Rule rule() {
    return rule;
  }

  static ElementType type(Precision precision) {
    return switch (precision) {
      case F32 -> ElementType.F32;
      case BF16 -> ElementType.BF16;
    };
  }

  /**
   * {@code out = x · wᵀ + bias}, or that added to {@code out}, with the rows {@code [firstRow,
   * firstRow + columns)} of {@code w}.
   *
   * @param bias address of {@code columns} elements of the result's type; 0 if there is none
   * @param x address of [rows, w.columns()], of the weight's type
   * @param out address of [rows, columns]
   */
  void multiply(
      CudaWeight w,
      int firstRow,
      int columns,
      long bias,
      long x,
      int xStride,
      int rows,
      long out,
      int outStride,
      Precision outPrecision,
      boolean add) {
    long from = w.row(firstRow);
    ElementType type = type(w.precision());
    ElementType resultType = type(outPrecision);
    long bits =
        from
            | bias
            | x
            | out
            | type.bytes() * w.columns()
            | type.bytes() * xStride
            | resultType.bytes() * outStride;
    Gemm.Product product =
        new Gemm.Product(
            type,
            rows,
            w.columns(),
            columns,
            xStride,
            resultType,
            outStride,
            bias != 0,
            bits % ALIGNMENT == 0 ? ALIGNMENT : Math.toIntExact(type.bytes()));
    MatmulAlgorithm algorithm = chosen.get(product);
    if (algorithm == null) {
      algorithm = choose(product, w, firstRow);
      chosen.put(product, algorithm);
    }
    gemm.multiply(product, algorithm, from, bias, x, out, add);
  }

  private MatmulAlgorithm choose(Gemm.Product product, CudaWeight w, int firstRow) {
    if (rule == Rule.FAST) {
      return gemm.proposalsInPieces(product).stream()
          .findFirst()
          .orElseThrow(() -> new DeviceException("cuBLASLt has no algorithm for " + product));
    }
    Gemm.Product whole = product.dense(w.rows()).withRows(1);
    Optional<MatmulAlgorithm> only = ofWeights.get(whole);
    if (only == null) {
      only = isClassed(whole) ? Optional.empty() : Optional.of(only(whole, w));
      ofWeights.put(whole, only);
    }
    if (only.isEmpty()) {
      return ofClass(product, w, firstRow);
    }
    if (!gemm.computes(only.get(), product)) {
      throw new DeviceException(
          "cuBLASLt's algorithm for products with a weight of %d x %d does not compute %s; --fast-gemm takes another, and bits then depend on the batch"
              .formatted(w.rows(), w.columns(), product));
    }
    return only.get();
  }

  /**
   * Whether algorithms of the class compute the same bits on this device, for a sample: results in
   * f32 show every difference, and those in bf16 are what most products have.
   */
  private boolean holds(BitClass expected, Sample sample) {
    return holds(expected, sample, ElementType.F32) && holds(expected, sample, ElementType.BF16);
  }

  private boolean holds(BitClass expected, Sample sample, ElementType resultType) {
    Gemm.Product product =
        new Gemm.Product(
            ElementType.BF16,
            COMPARED_ROWS[COMPARED_ROWS.length - 1],
            sample.inner(),
            sample.columns(),
            sample.inner(),
            resultType,
            sample.columns(),
            false,
            ALIGNMENT);
    Set<ByteBuffer> bits = new HashSet<>();
    try (DeviceMemory weight =
            DeviceMemory.allocate(product.type().bytes() * sample.inner() * sample.columns());
        AlgorithmTrial trial = new AlgorithmTrial(gemm, kernels, stream, product)) {
      kernels.random(weight.address(), weight.bytes(), stream);
      for (int rows : COMPARED_ROWS) {
        Gemm.Product some = product.withRows(rows);
        List<MatmulAlgorithm> members = members(expected, some);
        if (members.isEmpty()) {
          LOG.debug("no algorithm of {} is proposed for {}", expected, some);
          return false;
        }
        for (MatmulAlgorithm each : members) {
          bits.add(ByteBuffer.wrap(trial.bits(some, each, weight.address())));
        }
      }
    }
    if (bits.size() > 1) {
      LOG.warn(
          "cuBLASLt's algorithms of {} compute {} kinds of bits on this device, and one is expected; a weight has one algorithm instead, which is slower",
          expected,
          bits.size());
    }
    return bits.size() == 1;
  }

  private List<MatmulAlgorithm> members(BitClass of, Gemm.Product product) {
    return gemm.proposals(product).stream()
        .filter(each -> of.has(each) && gemm.computes(each, product))
        .toList();
  }

  private boolean isClassed(Gemm.Product whole) {
    return bitClass.isPresent()
        && Arrays.stream(COMPARED_ROWS)
            .noneMatch(rows -> members(bitClass.get(), whole.withRows(rows)).isEmpty());
  }

  /** The fastest algorithm of the class for a product: whichever it is, the bits are the same. */
  private MatmulAlgorithm ofClass(Gemm.Product product, CudaWeight w, int firstRow) {
    BitClass of = bitClass.orElseThrow();
    Optional<MatmulAlgorithm> kept =
        store.find(product).filter(each -> of.has(each) && gemm.computes(each, product));
    if (kept.isPresent()) {
      return kept.get();
    }
    Map<ByteBuffer, MatmulAlgorithm> found = new LinkedHashMap<>();
    members(of, product).forEach(each -> found.put(ByteBuffer.wrap(each.toBytes()), each));
    for (int rows : found.isEmpty() ? COMPARED_ROWS : new int[0]) {
      for (MatmulAlgorithm each : members(of, product.withRows(rows))) {
        if (gemm.computes(each, product)) {
          found.putIfAbsent(ByteBuffer.wrap(each.toBytes()), each);
        }
      }
    }
    List<MatmulAlgorithm> candidates = List.copyOf(found.values());
    if (candidates.isEmpty()) {
      throw new DeviceException(
          "cuBLASLt has no algorithm of the class that computes the same bits for all rows for %s; --fast-gemm takes another, and bits then depend on the batch"
              .formatted(product));
    }
    try {
      MatmulAlgorithm best = fastest(candidates, of, product, w, firstRow);
      store.put(product, best);
      return best;
    } catch (CudaException e) {
      if (!e.isOutOfMemory()) {
        throw e;
      }
      LOG.warn("too little device memory is free to measure algorithms for {}", product);
      return candidates.getFirst();
    }
  }

  private MatmulAlgorithm fastest(
      List<MatmulAlgorithm> candidates,
      BitClass of,
      Gemm.Product product,
      CudaWeight w,
      int firstRow) {
    Gemm.Product few = product.withRows(Math.min(COMPARED_ROWS[0], product.rows()));
    try (AlgorithmTrial trial = new AlgorithmTrial(gemm, kernels, stream, product)) {
      byte[] expected = trial.bits(few, members(of, few).getFirst(), w.row(firstRow));
      List<MatmulAlgorithm> alike =
          candidates.stream()
              .filter(each -> Arrays.equals(trial.bits(product, each, w.row(firstRow)), expected))
              .toList();
      if (alike.size() < candidates.size()) {
        LOG.warn(
            "{} of cuBLASLt's {} algorithms of {} compute other bits for {}, and are not used",
            candidates.size() - alike.size(),
            candidates.size(),
            of,
            product);
      }
      if (alike.isEmpty()) {
        throw new DeviceException(broken(product));
      }
      if (alike.size() == 1) {
        return alike.getFirst();
      }
      List<Long> rotated =
          weights.stream()
              .filter(each -> each.rows() == w.rows() && each.columns() == w.columns())
              .filter(each -> each.precision() == w.precision())
              .limit(MOST_ROTATED)
              .map(each -> each.row(firstRow))
              .toList();
      MatmulAlgorithm best = alike.getFirst();
      float least = Float.POSITIVE_INFINITY;
      for (MatmulAlgorithm each : alike) {
        float millis = trial.millis(product, each, rotated);
        if (millis < least) {
          least = millis;
          best = each;
        }
      }
      LOG.debug("{}: {} of {} algorithms", product, best.describe(), alike.size());
      return best;
    }
  }

  private static String broken(Gemm.Product product) {
    return ("cuBLASLt has no algorithm for %s whose bits do not depend on the number of rows, as is"
            + " promised here; --fast-gemm gives the promise up")
        .formatted(product);
  }

  /**
   * The algorithm of a weight: the library's best, by its own order for few, some and many rows, of
   * those that compute all numbers of rows, and the same bits.
   */
  private MatmulAlgorithm only(Gemm.Product whole, CudaWeight w) {
    int[] rows =
        Arrays.stream(COMPARED_ROWS)
            .filter(each -> each == COMPARED_ROWS[0] || fitsComparison(whole.withRows(each)))
            .toArray();
    List<MatmulAlgorithm> candidates = ranked(whole, rows);
    if (candidates.isEmpty()) {
      throw new DeviceException("cuBLASLt has no algorithm for " + whole);
    }
    Gemm.Product most = whole.withRows(rows[rows.length - 1]);
    try (AlgorithmTrial trial = new AlgorithmTrial(gemm, kernels, stream, most)) {
      for (MatmulAlgorithm each : candidates) {
        Set<ByteBuffer> bits = new HashSet<>();
        for (int some : rows) {
          bits.add(ByteBuffer.wrap(trial.bits(whole.withRows(some), each, w.address())));
        }
        if (bits.size() == 1) {
          return each;
        }
        LOG.debug("{} computes {} kinds of bits for {}", each.describe(), bits.size(), whole);
      }
    }
    throw new DeviceException(broken(whole));
  }

  private static boolean fitsComparison(Gemm.Product product) {
    return product.outBytes() <= MOST_COMPARED_BYTES;
  }

  /** What is proposed for any number of rows and computes all, the best ranked first. */
  private List<MatmulAlgorithm> ranked(Gemm.Product whole, int[] rows) {
    Map<ByteBuffer, MatmulAlgorithm> found = new LinkedHashMap<>();
    Map<ByteBuffer, Integer> places = new HashMap<>();
    for (int some : rows) {
      List<MatmulAlgorithm> proposals = gemm.proposals(whole.withRows(some));
      for (int place = 0; place < proposals.size(); place++) {
        ByteBuffer key = ByteBuffer.wrap(proposals.get(place).toBytes());
        found.putIfAbsent(key, proposals.get(place));
        // Far behind where it is not proposed: what it lacks there is counted from the end.
        places.merge(key, place - proposals.size(), Integer::sum);
      }
    }
    return found.entrySet().stream()
        .filter(
            each ->
                Arrays.stream(rows)
                    .allMatch(some -> gemm.computes(each.getValue(), whole.withRows(some))))
        .sorted(Comparator.comparing(each -> places.get(each.getKey())))
        .map(Map.Entry::getValue)
        .toList();
  }

  @Override
  public void close() {
    gemm.close();
  }
}
