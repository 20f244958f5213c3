package dev.palimpsest.engine.backend.cuda;

import dev.palimpsest.bindings.cublas.Cublas;
import dev.palimpsest.bindings.cublas.ElementType;
import dev.palimpsest.bindings.cublas.MatmulAlgorithm;
import dev.palimpsest.bindings.cublas.MatmulDescriptor;
import dev.palimpsest.bindings.cublas.MatrixLayout;
import dev.palimpsest.bindings.cuda.CudaException;
import dev.palimpsest.bindings.cuda.DeviceMemory;
import dev.palimpsest.bindings.cuda.Event;
import dev.palimpsest.bindings.cuda.Stream;
import dev.palimpsest.engine.device.DeviceException;
import dev.palimpsest.engine.device.Precision;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
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
 * Matrix products through cuBLASLt.
 *
 * <p>A weight's products all use one algorithm, which adds up in one pass over the inner dimension:
 * a row's result then does not depend on how many rows there are. The algorithm is the one that is
 * fastest, in proportion, over few, some and many rows.
 */
final class Products implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Products.class);
  static final long WORKSPACE_BYTES = 32 << 20;
  private static final int[] MEASURED_ROWS = {16, 64, 256, 1024, 4096};
  private static final int MOST_MEASURED_COLUMNS = 16_384;
  private static final int PROPOSALS = 8;
  private static final int WARM_UPS = 2;
  private static final int TIMED = 5;
  private static final int ALIGNMENT = 16;

  private final Cublas cublas = new Cublas();
  private final MatmulDescriptor descriptor = new MatmulDescriptor();
  private final DeviceMemory workspace = DeviceMemory.allocate(WORKSPACE_BYTES);
  private final Map<LayoutKey, MatrixLayout> layouts = new HashMap<>();
  private final Map<AlgorithmStore.Shape, MatmulAlgorithm> ofWeights = new HashMap<>();
  private final Set<Use> checked = new HashSet<>();
  private final Map<Use, MatmulAlgorithm> own = new HashMap<>();
  private final Kernels kernels;
  private final Stream stream;
  private final AlgorithmStore store;
  private final boolean fast;

  /**
   * Products on one stream.
   *
   * @param fast whether each number of rows may have an algorithm of its own
   */
  Products(Kernels kernels, Stream stream, AlgorithmStore store, boolean fast) {
    this.kernels = kernels;
    this.stream = stream;
    this.store = store;
    this.fast = fast;
  }

  private record LayoutKey(ElementType type, long height, long width, long stride) {}

  /** An algorithm at work on matrices that lie just so. */
  private record Use(AlgorithmStore.Shape shape, Operands operands) {}

  static ElementType type(Precision precision) {
    return switch (precision) {
      case F32 -> ElementType.F32;
      case BF16 -> ElementType.BF16;
    };
  }

  /**
   * {@code out = x · wᵀ}, or that added to {@code out}, with the rows {@code [firstRow, firstRow +
   * columns)} of {@code w}.
   *
   * @param x address of [rows, w.columns()], of the weight's type
   * @param out address of [rows, columns]
   */
  void multiply(
      CudaWeight w,
      int firstRow,
      int columns,
      long x,
      int xStride,
      int rows,
      long out,
      int outStride,
      Precision outPrecision,
      boolean add) {
    ElementType type = type(w.precision());
    ElementType outType = type(outPrecision);
    long from = w.row(firstRow);
    long bits =
        from
            | x
            | out
            | (w.columns() * CudaWeight.elementBytes(w.precision()))
            | (xStride * CudaWeight.elementBytes(w.precision()))
            | (outStride * CudaWeight.elementBytes(outPrecision));
    int alignment =
        bits % ALIGNMENT == 0 ? ALIGNMENT : Math.toIntExact(CudaWeight.elementBytes(w.precision()));
    MatrixLayout left = layout(type, w.columns(), columns, w.columns());
    MatrixLayout right = layout(type, w.columns(), rows, xStride);
    MatrixLayout result = layout(outType, columns, rows, outStride);
    AlgorithmStore.Shape shape =
        new AlgorithmStore.Shape(type, w.rows(), w.columns(), outType, alignment);
    Use use = new Use(shape, new Operands(left, right, result));
    MatmulAlgorithm algorithm =
        fast
            ? own.computeIfAbsent(use, _ -> proposed(shape, left, right, result))
            : ofWeights.computeIfAbsent(shape, _ -> fixed(shape, w));
    if (!fast && !checked.contains(use)) {
      if (!fits(algorithm, use.operands())) {
        throw new DeviceException(
            ("cuBLASLt's algorithm for products with a weight of %d x %d does not compute %d rows,"
                    + " %d elements apart, into %d columns, %d apart")
                .formatted(w.rows(), w.columns(), rows, xStride, columns, outStride));
      }
      checked.add(use);
    }
    cublas.multiply(
        descriptor,
        add,
        from,
        left,
        x,
        right,
        out,
        result,
        algorithm,
        workspace.address(),
        WORKSPACE_BYTES,
        stream);
  }

  /** The library's matrices are column-major: a row here is a column there. */
  private MatrixLayout layout(ElementType type, long height, long width, long stride) {
    return layouts.computeIfAbsent(
        new LayoutKey(type, height, width, stride),
        key -> new MatrixLayout(key.type(), key.height(), key.width(), key.stride()));
  }

  private MatmulAlgorithm proposed(
      AlgorithmStore.Shape shape, MatrixLayout left, MatrixLayout right, MatrixLayout result) {
    List<MatmulAlgorithm> proposals =
        MatmulAlgorithm.propose(
            cublas, descriptor, left, right, result, WORKSPACE_BYTES, shape.alignment(), true, 1);
    return proposals.stream().findFirst().orElseThrow(() -> none(shape));
  }

  private static DeviceException none(AlgorithmStore.Shape shape) {
    return new DeviceException("cuBLASLt has no algorithm for the product " + shape);
  }

  private MatmulAlgorithm fixed(AlgorithmStore.Shape shape, CudaWeight w) {
    Optional<MatmulAlgorithm> kept = store.find(shape);
    if (kept.isPresent() && fitsAll(kept.get(), shape)) {
      return kept.get();
    }
    List<MatmulAlgorithm> candidates = candidates(shape);
    if (candidates.isEmpty()) {
      throw none(shape);
    }
    if (candidates.size() == 1) {
      return candidates.getFirst();
    }
    try {
      MatmulAlgorithm best = fastest(shape, w, candidates);
      LOG.debug("{}: {} of {} algorithms", shape, best.describe(), candidates.size());
      store.put(shape, best);
      return best;
    } catch (CudaException e) {
      if (!e.isOutOfMemory()) {
        throw e;
      }
      LOG.warn("too little device memory is free to measure algorithms for {}", shape);
      return candidates.getFirst();
    }
  }

  /** What is proposed for any number of rows, works for all, and adds up in one pass. */
  private List<MatmulAlgorithm> candidates(AlgorithmStore.Shape shape) {
    Map<ByteBuffer, MatmulAlgorithm> candidates = new LinkedHashMap<>();
    for (int rows : MEASURED_ROWS) {
      Operands operands = operands(shape, rows);
      for (MatmulAlgorithm proposal :
          MatmulAlgorithm.propose(
              cublas,
              descriptor,
              operands.left(),
              operands.right(),
              operands.result(),
              WORKSPACE_BYTES,
              shape.alignment(),
              false,
              PROPOSALS)) {
        if (proposal.pieces() <= 1 && fitsAll(proposal, shape)) {
          candidates.putIfAbsent(ByteBuffer.wrap(proposal.toBytes()), proposal);
        }
      }
    }
    return new ArrayList<>(candidates.values());
  }

  private record Operands(MatrixLayout left, MatrixLayout right, MatrixLayout result) {}

  private Operands operands(AlgorithmStore.Shape shape, int rows) {
    int columns = Math.min(shape.columns(), MOST_MEASURED_COLUMNS);
    return new Operands(
        layout(shape.type(), shape.inner(), columns, shape.inner()),
        layout(shape.type(), shape.inner(), rows, shape.inner()),
        layout(shape.result(), columns, rows, columns));
  }

  private boolean fitsAll(MatmulAlgorithm algorithm, AlgorithmStore.Shape shape) {
    return Arrays.stream(MEASURED_ROWS)
        .mapToObj(rows -> operands(shape, rows))
        .allMatch(each -> fits(algorithm, each));
  }

  private boolean fits(MatmulAlgorithm algorithm, Operands each) {
    return algorithm
        .workspaceBytes(cublas, descriptor, each.left(), each.right(), each.result())
        .filter(bytes -> bytes <= WORKSPACE_BYTES)
        .isPresent();
  }

  private MatmulAlgorithm fastest(
      AlgorithmStore.Shape shape, CudaWeight w, List<MatmulAlgorithm> candidates) {
    long most = MEASURED_ROWS[MEASURED_ROWS.length - 1];
    long columns = Math.min(shape.columns(), MOST_MEASURED_COLUMNS);
    double[] scores = new double[candidates.size()];
    try (DeviceMemory x = DeviceMemory.allocate(Float.BYTES * most * shape.inner());
        DeviceMemory out = DeviceMemory.allocate(Float.BYTES * most * columns);
        Event start = Event.timed();
        Event end = Event.timed()) {
      kernels.random(x.address(), most * shape.inner(), stream);
      for (int rows : MEASURED_ROWS) {
        Operands operands = operands(shape, rows);
        float[] millis = new float[candidates.size()];
        float best = Float.POSITIVE_INFINITY;
        for (int i = 0; i < millis.length; i++) {
          for (int run = 0; run < WARM_UPS + TIMED; run++) {
            if (run == WARM_UPS) {
              start.record(stream);
            }
            cublas.multiply(
                descriptor,
                false,
                w.address(),
                operands.left(),
                x.address(),
                operands.right(),
                out.address(),
                operands.result(),
                candidates.get(i),
                workspace.address(),
                WORKSPACE_BYTES,
                stream);
          }
          end.record(stream);
          end.synchronize();
          millis[i] = start.millisTo(end);
          best = Math.min(best, millis[i]);
        }
        for (int i = 0; i < millis.length; i++) {
          scores[i] += millis[i] / best;
        }
      }
    }
    int best = 0;
    for (int i = 1; i < scores.length; i++) {
      if (scores[i] < scores[best]) {
        best = i;
      }
    }
    return candidates.get(best);
  }

  @Override
  public void close() {
    Release.all(List.copyOf(layouts.values()));
    Release.all(List.of(cublas, descriptor, workspace));
  }
}
