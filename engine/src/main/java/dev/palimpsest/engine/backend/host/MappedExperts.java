package dev.palimpsest.engine.backend.host;

import com.sun.management.OperatingSystemMXBean;
import dev.palimpsest.engine.checkpoint.DType;
import dev.palimpsest.engine.checkpoint.Tensor;
import dev.palimpsest.engine.device.Precision;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Optional;

/**
 * Experts that stay in the checkpoint's file and are mapped: the system reads those that a step
 * uses, and keeps as many as memory has room for. Bits are those of copied ones.
 *
 * <p>Native bf16 products take a matrix as a file has it, so that this needs bf16 on both sides,
 * and the experts of a layer one behind the other, as fused and stacked tensors are.
 */
final class MappedExperts {
  /** The share of memory that weights may take before experts stay in their file. */
  private static final double SHARE = 0.75;

  private MappedExperts() {}

  /** Whether weights of so many bytes leave too little of this machine's memory. */
  static boolean areNeeded(long bytes) {
    return bytes
        > SHARE
            * ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
                .getTotalMemorySize();
  }

  /** The stacked tensors where they are in their file, if they are as products take them. */
  static Optional<HostWeight> map(List<Tensor> parts, Arena arena) {
    Tensor first = parts.getFirst();
    if (first.place().isEmpty() || first.place().get().offset() % Short.BYTES != 0) {
      return Optional.empty();
    }
    for (int i = 0; i < parts.size(); i++) {
      boolean follows = i == 0 || parts.get(i - 1).isFollowedBy(parts.get(i));
      if (!follows || parts.get(i).dtype() != DType.BF16) {
        return Optional.empty();
      }
    }
    int columns = Math.toIntExact(first.shape().getLast());
    long bytes = parts.stream().mapToLong(part -> part.data().byteSize()).sum();
    int rows = Math.toIntExact(bytes / Short.BYTES / columns);
    Tensor.Place place = first.place().get();
    try (FileChannel channel = FileChannel.open(place.file(), StandardOpenOption.READ)) {
      MemorySegment data = channel.map(MapMode.READ_ONLY, place.offset(), bytes, arena);
      return Optional.of(new HostWeight(Precision.BF16, rows, columns, 1, data));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
