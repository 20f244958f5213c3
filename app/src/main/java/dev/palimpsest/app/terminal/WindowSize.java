package dev.palimpsest.app.terminal;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/**
 * How large a terminal is now: it may have been resized since the launcher measured it.
 *
 * @param columns its width
 * @param rows its height
 */
record WindowSize(int columns, int rows) {
  /** Linux's TIOCGWINSZ; it fills in {@code struct winsize}: rows, columns, and two more. */
  private static final long GET_WINDOW_SIZE = 0x5413;

  private static final boolean LINUX = System.getProperty("os.name", "").equals("Linux");

  /** The size of the terminal that a descriptor is connected to, where there is a way to ask. */
  static Optional<WindowSize> of(int descriptor) {
    if (!LINUX) {
      return Optional.empty();
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment size = arena.allocate(4 * Short.BYTES, Short.BYTES);
      int code = (int) Ioctl.HANDLE.invokeExact(descriptor, GET_WINDOW_SIZE, size);
      int rows = Short.toUnsignedInt(size.getAtIndex(ValueLayout.JAVA_SHORT, 0));
      int columns = Short.toUnsignedInt(size.getAtIndex(ValueLayout.JAVA_SHORT, 1));
      return code == 0 && rows > 0 && columns > 0
          ? Optional.of(new WindowSize(columns, rows))
          : Optional.empty();
    } catch (Throwable e) {
      throw new IllegalStateException("ioctl cannot be called", e);
    }
  }

  private static final class Ioctl {
    static final MethodHandle HANDLE =
        Linker.nativeLinker()
            .downcallHandle(
                Linker.nativeLinker().defaultLookup().findOrThrow("ioctl"),
                FunctionDescriptor.of(
                    ValueLayout.JAVA_INT,
                    ValueLayout.JAVA_INT,
                    ValueLayout.JAVA_LONG,
                    ValueLayout.ADDRESS),
                Linker.Option.firstVariadicArg(2));
  }
}
