package dev.palimpsest.app;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Locale;

/**
 * What standard error is connected to.
 *
 * @param isTerminal whether somebody looks at it
 * @param columns its width
 * @param rows its height
 * @param isUnicode whether it shows more than ASCII
 * @param hasColor whether it shows colours; {@code NO_COLOR} switches them off
 */
record Terminal(boolean isTerminal, int columns, int rows, boolean isUnicode, boolean hasColor) {
  private static final int DEFAULT_COLUMNS = 80;
  private static final int DEFAULT_ROWS = 24;
  private static final int STDERR = 2;
  private static final long TIOCGWINSZ = 0x5413;

  static Terminal standardError() {
    boolean unicode =
        System.getProperty("stderr.encoding", "").toUpperCase(Locale.ROOT).startsWith("UTF");
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment size = arena.allocate(4 * JAVA_SHORT.byteSize());
      if (!isTerminal(STDERR)) {
        return new Terminal(false, DEFAULT_COLUMNS, DEFAULT_ROWS, unicode, false);
      }
      boolean known = (int) ioctl().invokeExact(STDERR, TIOCGWINSZ, size) == 0;
      int rows = known ? size.getAtIndex(JAVA_SHORT, 0) : 0;
      int columns = known ? size.getAtIndex(JAVA_SHORT, 1) : 0;
      boolean color = System.getenv("NO_COLOR") == null && !"dumb".equals(System.getenv("TERM"));
      return new Terminal(
          true,
          columns > 0 ? columns : DEFAULT_COLUMNS,
          rows > 0 ? rows : DEFAULT_ROWS,
          unicode,
          color);
    } catch (Throwable e) {
      return new Terminal(false, DEFAULT_COLUMNS, DEFAULT_ROWS, unicode, false);
    }
  }

  /** Whether a file descriptor is a terminal. */
  static boolean isTerminal(int descriptor) {
    try {
      MethodHandle isatty =
          Linker.nativeLinker()
              .downcallHandle(
                  Linker.nativeLinker().defaultLookup().findOrThrow("isatty"),
                  FunctionDescriptor.of(JAVA_INT, JAVA_INT));
      return (int) isatty.invokeExact(descriptor) == 1;
    } catch (Throwable e) {
      return false;
    }
  }

  private static MethodHandle ioctl() {
    return Linker.nativeLinker()
        .downcallHandle(
            Linker.nativeLinker().defaultLookup().findOrThrow("ioctl"),
            FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG, ADDRESS),
            Linker.Option.firstVariadicArg(2));
  }
}
