package dev.palimpsest.bindings.onednn;

/** A oneDNN call that returned anything but {@code dnnl_success}. */
public final class OneDnnException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  OneDnnException(String call, int status) {
    super("oneDNN's " + call + " returned status " + status + " (" + name(status) + ")");
  }

  private static String name(int status) {
    return switch (status) {
      case 1 -> "out of memory";
      case 2 -> "invalid arguments";
      case 3 -> "unimplemented";
      case 4 -> "last implementation reached";
      case 5 -> "runtime error";
      case 6 -> "not required";
      default -> "unknown";
    };
  }
}
