package dev.palimpsest.engine.device;

/**
 * How a GPU is used.
 *
 * @param audit fills the memory of every step with NaN before the step, and waits for every
 *     operation: what a step leaves behind cannot reach the next, and a failure names its operation
 *     alone
 * @param fastGemm lets every number of rows have a product algorithm of its own: faster, and a
 *     result may then depend on what shares its batch
 * @param ordinal which GPU, counted from 0 in the driver's order
 */
public record CudaOptions(boolean audit, boolean fastGemm, int ordinal) {
  /** Fast where it changes no result, on the first GPU. */
  public static final CudaOptions DEFAULT = new CudaOptions(false, false);

  /** The first GPU. */
  public CudaOptions(boolean audit, boolean fastGemm) {
    this(audit, fastGemm, 0);
  }

  /** The same on another GPU. */
  public CudaOptions onDevice(int other) {
    return new CudaOptions(audit, fastGemm, other);
  }
}
