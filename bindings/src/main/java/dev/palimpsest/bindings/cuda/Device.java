package dev.palimpsest.bindings.cuda;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HexFormat;

/**
 * A device that the driver shows.
 *
 * @param ordinal its place among them
 * @param name as the driver gives it
 * @param uuid that stays the same over restarts, in hex
 * @param major its compute capability's first number
 * @param minor its compute capability's second number
 * @param memoryBytes of its memory
 * @param multiprocessors it has
 * @param sharedBytesPerBlock the most shared memory that a block may ask for
 */
public record Device(
    int ordinal,
    String name,
    String uuid,
    int major,
    int minor,
    long memoryBytes,
    int multiprocessors,
    int sharedBytesPerBlock) {
  private static final int NAME_BYTES = 256;
  private static final int UUID_BYTES = 16;

  /** Its architecture as compilers spell it: {@code sm_90}. */
  public String architecture() {
    return "sm_" + major + minor;
  }

  static Device read(int ordinal) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment number = arena.allocate(JAVA_LONG);
      Status.check("cuDeviceGet", CudaDriver.cuDeviceGet(number, ordinal));
      int device = number.get(JAVA_INT, 0);
      MemorySegment name = arena.allocate(NAME_BYTES);
      Status.check("cuDeviceGetName", CudaDriver.cuDeviceGetName(name, NAME_BYTES, device));
      MemorySegment uuid = arena.allocate(UUID_BYTES);
      Status.check("cuDeviceGetUuid_v2", CudaDriver.cuDeviceGetUuid_v2(uuid, device));
      Status.check("cuDeviceTotalMem_v2", CudaDriver.cuDeviceTotalMem_v2(number, device));
      return new Device(
          ordinal,
          name.getString(0),
          HexFormat.of().formatHex(uuid.toArray(JAVA_BYTE)),
          attribute(device, CudaDriver.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR()),
          attribute(device, CudaDriver.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR()),
          number.get(JAVA_LONG, 0),
          attribute(device, CudaDriver.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT()),
          attribute(device, CudaDriver.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN()));
    }
  }

  private static int attribute(int device, int attribute) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment value = arena.allocate(JAVA_INT);
      Status.check(
          "cuDeviceGetAttribute", CudaDriver.cuDeviceGetAttribute(value, attribute, device));
      return value.get(JAVA_INT, 0);
    }
  }
}
