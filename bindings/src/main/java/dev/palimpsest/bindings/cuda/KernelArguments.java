package dev.palimpsest.bindings.cuda;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import jcuda.Pointer;

/**
 * The arguments of one launch after another, in two direct buffers that are made once: the values
 * in slots of eight bytes, and the address of every slot.
 */
public final class KernelArguments {
  private static final int MOST = 64;

  private final ByteBuffer values = direct();
  private final Pointer pointers;
  private final MemorySegment addresses;
  private final EarlyLaunch early = new EarlyLaunch();
  private int count;

  /** Room for the arguments of any kernel. */
  public KernelArguments() {
    long first = MemorySegment.ofBuffer(values).address();
    ByteBuffer slots = direct();
    for (int i = 0; i < MOST; i++) {
      slots.putLong(Long.BYTES * i, first + (long) Long.BYTES * i);
    }
    pointers = Pointer.to(slots);
    addresses = MemorySegment.ofBuffer(slots);
  }

  private static ByteBuffer direct() {
    return ByteBuffer.allocateDirect(MOST * Long.BYTES).order(ByteOrder.nativeOrder());
  }

  /** Forgets the arguments of the launch before. */
  public KernelArguments start() {
    count = 0;
    return this;
  }

  /** Adds a 64-bit number or an address in the device's memory. */
  public KernelArguments add(long value) {
    values.putLong(Long.BYTES * count++, value);
    return this;
  }

  /** Adds a 32-bit number. */
  public KernelArguments add(int value) {
    values.putInt(Long.BYTES * count++, value);
    return this;
  }

  /** Adds a single-precision number. */
  public KernelArguments add(float value) {
    values.putFloat(Long.BYTES * count++, value);
    return this;
  }

  Pointer pointers() {
    return pointers;
  }

  /** The same for the foreign function interface. */
  MemorySegment addresses() {
    return addresses;
  }

  EarlyLaunch early() {
    return early;
  }
}
