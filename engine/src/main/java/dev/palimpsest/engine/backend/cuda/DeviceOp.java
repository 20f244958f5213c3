package dev.palimpsest.engine.backend.cuda;

/**
 * The kernels of {@code kernels-cu} that a step uses, with the types of their arguments: {@code p}
 * an address in the device's memory, {@code s} a byte of the step's input, {@code i} an int, {@code
 * f} a float.
 */
enum DeviceOp {
  EMBED("embed", true, "spipi"),
  RMS_NORM("rms_norm", true, "pipipfpii"),
  ADD_BIAS("add_bias", true, "pipi"),
  ROTARY("rotary", true, "piiiisppf"),
  ATTENTION("attention", true, "pipipipiiissspppi"),
  SWIGLU("swiglu", true, "pipii"),
  GATHER("gather", true, "pispii"),
  MOVE("move", true, "pispisi"),
  GUIDE("guide", true, "piiss"),
  VOCABULARY_START("vocabulary_start", false, "pi"),
  VOCABULARY_FOLD("vocabulary_fold", false, "piiissp"),
  VOCABULARY_FINISH("vocabulary_finish", false, "psspi");

  private final String kernel;
  private final boolean typed;
  private final String arguments;

  DeviceOp(String kernel, boolean typed, String arguments) {
    this.kernel = kernel;
    this.typed = typed;
    this.arguments = arguments;
  }

  /** The kernel's name, without the type of its activations. */
  String kernel() {
    return kernel;
  }

  /** Whether there is one for each type of activations. */
  boolean isTyped() {
    return typed;
  }

  /** One letter an argument. */
  String arguments() {
    return arguments;
  }
}
