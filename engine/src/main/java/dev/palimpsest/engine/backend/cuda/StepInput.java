package dev.palimpsest.engine.backend.cuda;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.palimpsest.bindings.cuda.DeviceMemory;
import dev.palimpsest.bindings.cuda.PinnedMemory;
import dev.palimpsest.bindings.cuda.Stream;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;

/**
 * The numbers that a step needs on the device beside activations and weights: token ids, positions,
 * offsets, draws. They are gathered in pinned memory and go over in one copy.
 *
 * <p>Arrays that are put in again, the same object with the same padding, are put in once: every
 * block of a transformer names the same positions.
 */
final class StepInput implements AutoCloseable {
  /** Bytes that the input takes of the device's memory until a step needs more. */
  static final long FIRST_BYTES = 1 << 20;

  private static final int ALIGNMENT = 16;
  private static final int[] NONE = {};

  private final Consumer<Runnable> onDevice;
  private PinnedMemory pinned = PinnedMemory.allocate(FIRST_BYTES);
  private DeviceMemory device = DeviceMemory.allocate(FIRST_BYTES);
  private long used;

  private int[][] known = new int[16][];
  private int[] knownCounts = new int[16];
  private int[] knownPaddings = new int[16];
  private long[] knownAt = new long[16];
  private int knownCount;

  /**
   * Room for a step's numbers.
   *
   * @param onDevice runs what takes memory of the device, when more is needed than there was
   */
  StepInput(Consumer<Runnable> onDevice) {
    this.onDevice = onDevice;
  }

  /** Forgets everything. */
  void clear() {
    used = 0;
    for (int i = 0; i < knownCount; i++) {
      known[i] = NONE;
    }
    knownCount = 0;
  }

  /** Bytes that are put in. */
  long used() {
    return used;
  }

  /** Where its first byte lies on the device, once everything is put in. */
  long address() {
    return device.address();
  }

  /** Where its first byte lies on the host, once everything is put in. */
  long hostAddress() {
    return pinned.segment().address();
  }

  /**
   * Puts integers in.
   *
   * @param count how many are wanted; what the array lacks is {@code padding}
   * @return their byte
   */
  @SuppressWarnings("ReferenceEquality") // the same object, as every block names it
  long put(int[] values, int count, int padding) {
    for (int i = 0; i < knownCount; i++) {
      if (known[i] == values && knownCounts[i] == count && knownPaddings[i] == padding) {
        return knownAt[i];
      }
    }
    long at = reserve((long) Integer.BYTES * count);
    MemorySegment memory = pinned.segment();
    MemorySegment.copy(values, 0, memory, JAVA_INT, at, Math.min(count, values.length));
    for (int i = values.length; i < count; i++) {
      memory.set(JAVA_INT, at + 4L * i, padding);
    }
    remember(values, count, padding, at);
    return at;
  }

  private void remember(int[] values, int count, int padding, long at) {
    if (knownCount == known.length) {
      known = Arrays.copyOf(known, 2 * knownCount);
      knownCounts = Arrays.copyOf(knownCounts, 2 * knownCount);
      knownPaddings = Arrays.copyOf(knownPaddings, 2 * knownCount);
      knownAt = Arrays.copyOf(knownAt, 2 * knownCount);
    }
    known[knownCount] = values;
    knownCounts[knownCount] = count;
    knownPaddings[knownCount] = padding;
    knownAt[knownCount++] = at;
  }

  /** Makes room for {@code bytes} on a boundary of 16, and returns their first byte. */
  long reserve(long bytes) {
    long at = used;
    used += Math.ceilDiv(bytes, ALIGNMENT) * ALIGNMENT;
    if (used > capacity()) {
      onDevice.accept(this::grow);
    }
    return at;
  }

  private long capacity() {
    return Math.min(pinned.segment().byteSize(), device.bytes());
  }

  private void grow() {
    long bytes = Math.max(Math.max(used, 2 * capacity()), FIRST_BYTES);
    if (pinned.segment().byteSize() < bytes) {
      PinnedMemory larger = PinnedMemory.allocate(bytes);
      MemorySegment.copy(pinned.segment(), 0, larger.segment(), 0, pinned.segment().byteSize());
      pinned.close();
      pinned = larger;
    }
    device.close();
    device = DeviceMemory.none();
    device = DeviceMemory.allocate(bytes);
  }

  int getInt(long at) {
    return pinned.segment().get(JAVA_INT, at);
  }

  void setInt(long at, int value) {
    pinned.segment().set(JAVA_INT, at, value);
  }

  void setLong(long at, long value) {
    pinned.segment().set(JAVA_LONG, at, value);
  }

  void setDouble(long at, double value) {
    pinned.segment().set(JAVA_DOUBLE, at, value);
  }

  /** Copies what was put in to the device. */
  void upload(Stream stream) {
    if (used > 0) {
      device.copyFrom(pinned, 0, 0, used, stream);
    }
  }

  @Override
  public void close() {
    Release.all(List.of(pinned, device));
  }
}
