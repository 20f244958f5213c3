package dev.palimpsest.engine.backend.cuda;

import dev.palimpsest.engine.backend.Workload;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.engine.model.Experts;
import dev.palimpsest.engine.model.ModelSpec;
import java.util.Locale;

/**
 * Bytes of a device's memory that a model takes.
 *
 * @param weights with the table of rotary angles
 * @param activations of its largest step
 * @param experts what chooses and computes them in that step
 * @param vocabulary logits of that step, as many as are held at once
 * @param kvCache keys and values that outlive a step
 * @param rest inputs, the libraries' workspace and code, and graphs
 */
record DeviceNeed(
    long weights, long activations, long experts, long vocabulary, long kvCache, long rest) {
  /** What the driver takes for itself, for code that is loaded late and for graphs. */
  static final long UNSEEN_BYTES = 256L << 20;

  static DeviceNeed of(ModelSpec spec, Precision precision, Workload workload) {
    long elementBytes = CudaWeight.elementBytes(precision);
    int rows = RowBuckets.padded(workload.tokens());
    long table = (long) Float.BYTES * spec.maxLength() * spec.rotaryWidth();
    return new DeviceNeed(
        elementBytes * (spec.parameters() + spec.repeatedParameters())
            + (Float.BYTES - elementBytes) * spec.exactParameters()
            + table,
        elementBytes * workload.activations(),
        spec.feedForward()
            .experts()
            .map((Experts experts) -> DeviceMixture.bytes(rows, experts, precision))
            .orElse(0L),
        Vocabulary.bytes(rows, spec.vocabulary()),
        elementBytes * workload.kvCache(),
        StepInput.FIRST_BYTES + Gemm.WORKSPACE_BYTES + DeviceAttention.BYTES + UNSEEN_BYTES);
  }

  long total() {
    return weights + activations + experts + vocabulary + kvCache + rest;
  }

  /** How much memory is needed, and what for, in words. */
  String describe(Precision precision, int tokens) {
    StringBuilder parts = new StringBuilder();
    parts.append(gigabytes(weights)).append(" for its weights in ");
    parts.append(precision.name().toLowerCase(Locale.ROOT));
    if (tokens > 0) {
      parts.append(", ").append(gigabytes(activations + experts + vocabulary));
      parts.append(" for a step over %,d tokens".formatted(tokens));
    }
    if (kvCache > 0) {
      parts.append(", ").append(gigabytes(kvCache)).append(" for the KV cache");
    }
    return parts.append(", ").append(gigabytes(rest)).append(" for the rest").toString();
  }

  static String gigabytes(long bytes) {
    return String.format(Locale.ROOT, "%.2f GB", bytes / 1e9);
  }
}
