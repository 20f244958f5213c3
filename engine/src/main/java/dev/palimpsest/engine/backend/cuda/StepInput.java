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
 *
 * <p>The second half is for an array that grows from step to step: what follows it stays where it
 * was, and so does what a graph was made for.
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

  /** Where the second half begins, and the bytes that lie in it apart from the others. */
  private long apartAt = FIRST_BYTES / 2;

  private long apart;

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
    apart = 0;
    apartAt = capacity() / 2 / ALIGNMENT * ALIGNMENT;
    for (int i = 0; i < knownCount; i++) {
      known[i] = NONE;
    }
    knownCount = 0;
  }

  /** Where its first byte lies on the device, once everything is put in. */
  long address() {
    return device.address();
  }

  /**
   * Puts integers in.
   *
   * @param count how many are wanted; what the array lacks is {@code padding}
   * @return their byte
   */
  long put(int[] values, int count, int padding) {
    long before = find(values, count, padding);
    return before >= 0
        ? before
        : write(values, count, padding, reserve((long) Integer.BYTES * count));
  }

  /**
   * Puts integers in whose number changes from step to step, at a place that does not.
   *
   * @return their byte
   */
  long putApart(int[] values) {
    long before = find(values, values.length, 0);
    if (before >= 0) {
      return before;
    }
    long bytes = aligned((long) Integer.BYTES * values.length);
    boolean isFree = apart == 0 && used <= apartAt;
    long at = isFree ? apartAt : reserve(bytes);
    if (isFree) {
      apart = bytes;
      makeRoom(apartAt + bytes);
    }
    return write(values, values.length, 0, at);
  }

  /** Where an array lies that was put in; -1 if it was not. */
  @SuppressWarnings("ReferenceEquality") // the same object, as every block names it
  private long find(int[] values, int count, int padding) {
    for (int i = 0; i < knownCount; i++) {
      if (known[i] == values && knownCounts[i] == count && knownPaddings[i] == padding) {
        return knownAt[i];
      }
    }
    return -1;
  }

  private long write(int[] values, int count, int padding, long at) {
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
    boolean reaches = apart > 0 && used <= apartAt && used + aligned(bytes) > apartAt;
    long at = reaches ? apartAt + apart : used;
    used = at + aligned(bytes);
    makeRoom(used);
    return at;
  }

  private static long aligned(long bytes) {
    return Math.ceilDiv(bytes, ALIGNMENT) * ALIGNMENT;
  }

  private void makeRoom(long bytes) {
    if (bytes > capacity()) {
      onDevice.accept(() -> grow(bytes));
    }
  }

  private long capacity() {
    return Math.min(pinned.segment().byteSize(), device.bytes());
  }

  private void grow(long least) {
    long bytes = Math.max(Math.max(least, 2 * capacity()), FIRST_BYTES);
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
    if (apart > 0 && used <= apartAt) {
      device.copyFrom(pinned, apartAt, apartAt, apart, stream);
    }
  }

  @Override
  public void close() {
    Release.all(List.of(pinned, device));
  }
}
