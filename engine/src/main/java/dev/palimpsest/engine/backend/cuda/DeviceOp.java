package dev.palimpsest.engine.backend.cuda;

import java.util.Arrays;
import java.util.List;

/**
 * The kernels of {@code kernels-cu} that are launched, with their parameters: {@code address} is a
 * place in the device's memory, {@code input} one that is given as a byte of the step's input.
 */
enum DeviceOp {
  EMBED("embed", true, "input tokens, address table, int columns, address out, int outStride"),
  RMS_NORM(
      "rms_norm",
      true,
      "address x, int xStride, address gain, float epsilon, address out, int outStride, "
          + "int columns"),
  ADD_RMS_NORM(
      "add_rms_norm",
      true,
      "address x, int xStride, address gain, float epsilon, address out, int outStride, "
          + "int columns"),
  SCALE_ROWS(
      "scale_rows", true, "address x, int stride, address factors, input which, int columns"),
  ADD_BIAS("add_bias", true, "address x, int stride, address bias, int columns"),
  ROTARY(
      "rotary",
      true,
      "address x, int xStride, int heads, int queryHeads, int headSize, int rotarySize, "
          + "input positions, address table, address gain, address keyGain, float epsilon"),
  ATTENTION(
      "attention",
      true,
      "address q, int qStride, address k, int kStride, address v, int vStride, address out, "
          + "int outStride, int heads, int kvHeads, input work, input sequences, input limits, "
          + "address keyCache, address valueCache, input slots, int cacheStride, int window"),
  ATTENTION_SPLIT(
      "attention_split",
      true,
      "address q, int qStride, address k, int kStride, address v, int vStride, address states, "
          + "int heads, int kvHeads, input work, input sequences, input limits, "
          + "address keyCache, address valueCache, input slots, int cacheStride, int window"),
  ATTENTION_MERGE(
      "attention_merge",
      true,
      "address states, address out, int outStride, int heads, int kvHeads, int headSize, "
          + "input work, input sequences, input limits, int window"),
  SWIGLU("swiglu", true, "address gateUp, int stride, address out, int outStride, int columns"),
  GEGLU("geglu", true, "address gateUp, int stride, address out, int outStride, int columns"),
  GATHER(
      "gather",
      true,
      "address x, int xStride, input rows, address out, int outStride, int columns"),
  MOVE(
      "move",
      true,
      "address x, int xStride, input from, address out, int outStride, input to, int columns"),
  GUIDE("guide", true, "address x, int stride, int columns, input pairs, input scales"),
  ROUTER(
      "router",
      true,
      "address x, int xStride, int rows, address weights, int experts, int inputs, "
          + "address out, int outStride"),
  ROUTE_SOFTMAX(
      "route_softmax_f32",
      false,
      "address logits, int stride, input routed, int experts, int chosen, int normalise, "
          + "address ids, "
          + "address weights"),
  ROUTE_GROUPED(
      "route_grouped_f32",
      false,
      "address logits, int stride, input routed, address bias, int experts, int groups, "
          + "int keptGroups, "
          + "int chosen, float scale, address ids, address weights"),
  SCALE_CHOICE(
      "scale_choice_f32", false, "address ids, address scales, address weights, int entries"),
  GROUP_EXPERTS(
      "group_experts",
      false,
      "address ids, int entries, int chosen, int experts, address offsets, "
          + "address groupRows, address slots"),
  EXPERT_LINEAR(
      "expert_linear",
      true,
      "address x, int xStride, address groupRows, address offsets, int experts, "
          + "address weights, int outputs, int inputs, address out, int outStride"),
  COMBINE(
      "combine",
      true,
      "address grouped, int groupedStride, address slots, address weights, int chosen, "
          + "address out, int outStride, int columns, int accumulate"),
  EMBED_SHARES(
      "combine",
      true,
      "address grouped, int groupedStride, input slots, input weights, int chosen, "
          + "address out, int outStride, int columns, int accumulate"),
  SOFT_CAP("soft_cap", true, "address x, int stride, float cap, int columns"),
  VOCABULARY_CAP("vocabulary_cap", false, "address logits, int stride, float cap, int columns"),
  SOFTMAX(
      "softmax",
      true,
      "address logits, int stride, int ids, float inverse, address out, int outStride"),
  TRANSPOSE("transpose", true, "address x, int rows, int columns, address out"),
  VOCABULARY_SHAPE(
      "vocabulary_shape",
      false,
      "address logits, int stride, int ids, input shapes, input idLists, address shifts"),
  VOCABULARY_FOLD(
      "vocabulary_fold",
      false,
      "address logits, int stride, int firstId, int count, input draws, input idLists, "
          + "int grains, address states"),
  VOCABULARY_FINISH(
      "vocabulary_finish",
      false,
      "address states, int grains, input draws, input idLists, address out, int rows"),
  RANDOM("random", true, "address out, long count, long seed, float scale");

  private final String kernel;
  private final boolean typed;

  @SuppressWarnings("ImmutableEnumChecker") // toList gives one that cannot be changed
  private final List<Parameter> parameters;

  DeviceOp(String kernel, boolean typed, String parameters) {
    this.kernel = kernel;
    this.typed = typed;
    this.parameters = Arrays.stream(parameters.split(", ")).map(Parameter::of).toList();
  }

  /** The kernel's name, without the type of its activations. */
  String kernel() {
    return kernel;
  }

  /** Whether there is one for each size of heads. */
  boolean isSized() {
    return this == ATTENTION || this == ATTENTION_SPLIT;
  }

  /** Whether there is one for each type of activations. */
  boolean isTyped() {
    return typed;
  }

  List<Parameter> parameters() {
    return parameters;
  }
}
