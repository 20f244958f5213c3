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
  ATTENTION("attention", true, "pipipipiiisssppsi"),
  SWIGLU("swiglu", true, "pipii"),
  GATHER("gather", true, "pispii"),
  MOVE("move", true, "pispisi"),
  GUIDE("guide", true, "piiss"),
  ROUTER("router", true, "piipiipi"),
  ROUTE_SOFTMAX("route_softmax_f32", false, "piiiipp"),
  ROUTE_GROUPED("route_grouped_f32", false, "pipiiiifpp"),
  GROUP_EXPERTS("group_experts", false, "piiippp"),
  EXPERT_LINEAR("expert_linear", true, "pippipiipi"),
  COMBINE("combine", true, "pippipiii"),
  VOCABULARY_START("vocabulary_start", false, "pi"),
  VOCABULARY_SHAPE("vocabulary_shape", false, "piissp"),
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
