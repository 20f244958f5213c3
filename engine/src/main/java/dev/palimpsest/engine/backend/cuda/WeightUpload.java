package dev.palimpsest.engine.backend.cuda;

import dev.palimpsest.bindings.cuda.DeviceMemory;
import dev.palimpsest.bindings.cuda.Event;
import dev.palimpsest.bindings.cuda.PinnedMemory;
import dev.palimpsest.bindings.cuda.Stream;
import dev.palimpsest.engine.backend.TensorCopy;
import dev.palimpsest.engine.checkpoint.Tensor;
import dev.palimpsest.engine.device.Precision;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;

/**
 * Brings tensors from their mapped file to the device: pieces are copied, and converted where they
 * must be, into a ring of pinned buffers by several threads, while the device fetches the pieces
 * before.
 */
final class WeightUpload implements AutoCloseable {
  private static final int BUFFERS = 4;
  private static final long BUFFER_BYTES = 16 << 20;
  private static final long SHARE_ELEMENTS = 1 << 19;

  private final Stream stream;
  private final List<PinnedMemory> buffers = new ArrayList<>();
  private final List<Event> fetched = new ArrayList<>();
  private int next;

  WeightUpload(Stream stream) {
    this.stream = stream;
  }

  /** Puts a tensor's elements at byte {@code at} of {@code target}, once the stream gets there. */
  void copy(Tensor tensor, Precision precision, DeviceMemory target, long at) {
    long elementBytes = CudaWeight.elementBytes(precision);
    long most = BUFFER_BYTES / elementBytes;
    for (long first = 0; first < tensor.elements(); first += most) {
      long start = first;
      long count = Math.min(most, tensor.elements() - first);
      int buffer = free();
      MemorySegment memory = buffers.get(buffer).segment();
      LongStream.range(0, Math.ceilDiv(count, SHARE_ELEMENTS))
          .parallel()
          .forEach(
              share -> {
                long from = share * SHARE_ELEMENTS;
                TensorCopy.into(
                    memory,
                    elementBytes * from,
                    precision,
                    tensor,
                    start + from,
                    Math.min(SHARE_ELEMENTS, count - from));
              });
      send(buffer, target, at + elementBytes * first, elementBytes * count);
    }
  }

  /** Puts an f32 matrix at the start of {@code target}. */
  void copy(float[] values, DeviceMemory target) {
    int most = Math.toIntExact(BUFFER_BYTES / Float.BYTES);
    for (int first = 0; first < values.length; first += most) {
      int count = Math.min(most, values.length - first);
      int buffer = free();
      MemorySegment.copy(
          MemorySegment.ofArray(values), 4L * first, buffers.get(buffer).segment(), 0, 4L * count);
      send(buffer, target, 4L * first, 4L * count);
    }
  }

  /** A buffer that the device no longer reads. */
  private int free() {
    int buffer = next++ % BUFFERS;
    if (buffer == buffers.size()) {
      buffers.add(PinnedMemory.allocate(BUFFER_BYTES));
      fetched.add(Event.untimed());
    }
    fetched.get(buffer).synchronize();
    return buffer;
  }

  private void send(int buffer, DeviceMemory target, long at, long bytes) {
    target.copyFrom(buffers.get(buffer), 0, at, bytes, stream);
    fetched.get(buffer).record(stream);
  }

  /** Waits for what is under way and gives the buffers back. */
  @Override
  public void close() {
    Release.all(fetched);
    fetched.clear();
    Release.all(buffers);
    buffers.clear();
    next = 0;
  }
}
