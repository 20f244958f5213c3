package dev.palimpsest.engine.backend.cuda;

import dev.palimpsest.bindings.cublas.Cublas;
import dev.palimpsest.bindings.cublas.ElementType;
import dev.palimpsest.bindings.cublas.MatmulAlgorithm;
import dev.palimpsest.bindings.cublas.MatmulDescriptor;
import dev.palimpsest.bindings.cublas.MatrixLayout;
import dev.palimpsest.bindings.cuda.DeviceMemory;
import dev.palimpsest.bindings.cuda.Stream;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** cuBLASLt on one stream, with matrices as rows: {@code out = x · wᵀ}, with a bias or without. */
final class Gemm implements AutoCloseable {
  static final long WORKSPACE_BYTES = 32 << 20;
  private static final int PROPOSALS = 8;

  /** Pieces that are not whole multiples of it may lose what is left over. */
  private static final int PIECE_BLOCK = 64;

  private final Cublas cublas = new Cublas();
  private final DeviceMemory workspace = DeviceMemory.allocate(WORKSPACE_BYTES);
  private final MatmulDescriptor plain = MatmulDescriptor.plain();
  private final MatmulDescriptor biased = MatmulDescriptor.biased(workspace.address());
  private final Map<LayoutKey, MatrixLayout> layouts = new HashMap<>();
  private final Stream stream;

  Gemm(Stream stream) {
    this.stream = stream;
  }

  private record LayoutKey(ElementType type, long height, long width, long stride) {}

  /**
   * How the matrices of a product lie. Equal ones are the same product but for the addresses.
   *
   * @param type of both factors
   * @param rows of {@code x} and of the result
   * @param inner columns of {@code x} and of the weight
   * @param columns of the result
   * @param xStride elements from one row of {@code x} to the next
   * @param resultType of the result's elements
   * @param outStride elements from one row of the result to the next
   * @param biased whether a bias is added, of the result's type
   * @param alignment of all addresses, in bytes
   */
  record Product(
      ElementType type,
      int rows,
      int inner,
      int columns,
      int xStride,
      ElementType resultType,
      int outStride,
      boolean biased,
      int alignment) {

    Product withRows(int other) {
      return new Product(
          type, other, inner, columns, xStride, resultType, outStride, biased, alignment);
    }

    /** The same of a whole weight, and with rows that follow on each other. */
    Product dense(int weightRows) {
      return new Product(
          type, rows, inner, weightRows, inner, resultType, weightRows, biased, alignment);
    }

    long xBytes() {
      return type.bytes() * rows * xStride;
    }

    long outBytes() {
      return resultType.bytes() * rows * outStride;
    }

    long biasBytes() {
      return biased ? resultType.bytes() * columns : 0;
    }

    @Override
    public String toString() {
      return "%d rows of %d, %d apart, by %d x %d of %s%s into %s, %d apart"
          .formatted(
              rows,
              inner,
              xStride,
              columns,
              inner,
              type,
              biased ? " and a bias" : "",
              resultType,
              outStride);
    }
  }

  private MatmulDescriptor descriptor(Product product) {
    return product.biased() ? biased : plain;
  }

  /** The library's matrices are column-major: a row here is a column there. */
  private MatrixLayout layout(ElementType type, long height, long width, long stride) {
    return layouts.computeIfAbsent(
        new LayoutKey(type, height, width, stride),
        key -> new MatrixLayout(key.type(), key.height(), key.width(), key.stride()));
  }

  private MatrixLayout weight(Product product) {
    return layout(product.type(), product.inner(), product.columns(), product.inner());
  }

  private MatrixLayout x(Product product) {
    return layout(product.type(), product.inner(), product.rows(), product.xStride());
  }

  private MatrixLayout out(Product product) {
    return layout(product.resultType(), product.columns(), product.rows(), product.outStride());
  }

  /** The library's proposals that add up in one pass, the most promising first. */
  List<MatmulAlgorithm> proposals(Product product) {
    return propose(product, false).stream().filter(each -> each.pieces() <= 1).toList();
  }

  /** All of the library's proposals whose result is right, the most promising first. */
  List<MatmulAlgorithm> proposalsInPieces(Product product) {
    return propose(product, product.inner() % PIECE_BLOCK == 0);
  }

  private List<MatmulAlgorithm> propose(Product product, boolean inPieces) {
    return MatmulAlgorithm.propose(
        cublas,
        descriptor(product),
        weight(product),
        x(product),
        out(product),
        WORKSPACE_BYTES,
        product.alignment(),
        inPieces,
        PROPOSALS);
  }

  boolean computes(MatmulAlgorithm algorithm, Product product) {
    return algorithm
        .workspaceBytes(cublas, descriptor(product), weight(product), x(product), out(product))
        .filter(bytes -> bytes <= WORKSPACE_BYTES)
        .isPresent();
  }

  /**
   * Puts a product into the stream.
   *
   * @param bias that is added if the product is biased
   * @param add whether it is added to what {@code out} holds
   */
  void multiply(
      Product product,
      MatmulAlgorithm algorithm,
      long weight,
      long bias,
      long x,
      long out,
      boolean add) {
    if (product.biased()) {
      biased.bias(bias);
    }
    cublas.multiply(
        descriptor(product),
        add,
        weight,
        weight(product),
        x,
        x(product),
        out,
        out(product),
        algorithm,
        workspace.address(),
        WORKSPACE_BYTES,
        stream);
  }

  @Override
  public void close() {
    Release.all(List.copyOf(layouts.values()));
    Release.all(List.of(cublas, plain, biased, workspace));
  }
}
