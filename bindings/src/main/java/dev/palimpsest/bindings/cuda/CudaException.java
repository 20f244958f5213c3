package dev.palimpsest.bindings.cuda;

/** A call into the driver or a CUDA library that returned anything but success. */
public final class CudaException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final String call;
  private final String name;

  /**
   * A call that failed.
   *
   * @param call the function
   * @param name of the status, as the library spells it
   * @param message what the library says of it
   */
  public CudaException(String call, String name, String message) {
    super(call + " failed with " + name + (message.isEmpty() ? "" : " (" + message + ")"));
    this.call = call;
    this.name = name;
  }

  /** The function that failed. */
  public String call() {
    return call;
  }

  /** The status it returned, as the library spells it: {@code CUDA_ERROR_OUT_OF_MEMORY}. */
  public String name() {
    return name;
  }

  /** Whether the device has too little memory left for what was asked of it. */
  public boolean isOutOfMemory() {
    return name.equals("CUDA_ERROR_OUT_OF_MEMORY");
  }
}
