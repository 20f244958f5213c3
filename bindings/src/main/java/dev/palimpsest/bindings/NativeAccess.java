package dev.palimpsest.bindings;

import java.lang.foreign.MemorySegment;

/** Whether the JVM lets this module call native libraries. */
public final class NativeAccess {
  private NativeAccess() {}

  /**
   * Tries it. Where the JVM was started without {@code --enable-native-access} and does not deny
   * what is not enabled, it prints a warning of its own and permits it.
   */
  public static boolean isPermitted() {
    try {
      MemorySegment _ = MemorySegment.NULL.reinterpret(0);
      return true;
    } catch (IllegalCallerException e) {
      return false;
    }
  }
}
