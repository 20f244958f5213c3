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
 * @param soft what soft steps take: the embedding with rows for columns, a canvas's signal, some
 *     rows of probabilities and their logits
 * @param rest inputs, the libraries' workspace and code, and graphs
 */
record DeviceNeed(
    long weights,
    long activations,
    long experts,
    long vocabulary,
    long kvCache,
    long soft,
    long rest) {
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
        spec.canvas()
            .filter(_ -> workload.softRows() > 0)
            .map(canvas -> soft(spec, canvas.length(), workload.softRows(), elementBytes))
            .orElse(0L),
        StepInput.FIRST_BYTES + Gemm.WORKSPACE_BYTES + DeviceAttention.BYTES + UNSEEN_BYTES);
  }

  private static long soft(ModelSpec spec, int canvas, int softRows, long elementBytes) {
    long rows = RowBuckets.padded(softRows);
    long hidden = spec.hidden();
    long width = Vocabulary.stridden(spec.vocabulary());
    return elementBytes * hidden * (spec.vocabulary() + canvas + rows)
        + (elementBytes + Float.BYTES) * rows * width;
  }

  long total() {
    return weights + activations + experts + vocabulary + kvCache + soft + rest;
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
    if (soft > 0) {
      parts.append(", ").append(gigabytes(soft)).append(" for what soft steps hand on");
    }
    return parts.append(", ").append(gigabytes(rest)).append(" for the rest").toString();
  }

  static String gigabytes(long bytes) {
    return String.format(Locale.ROOT, "%.2f GB", bytes / 1e9);
  }
}
