package dev.palimpsest.app;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * Gives the program its real standard error back.
 *
 * <p>The JVM greets the Vector API with a warning that no option turns off. The launcher therefore
 * starts the JVM with a filter behind descriptor 2, keeps the real standard error in the descriptor
 * named by {@code PALIMPSEST_STDERR}, and {@link #restore} swaps them back. Without it everything
 * still arrives, but through a pipe: a terminal is not seen as one.
 */
final class StandardError {
  private static final int STDERR = 2;

  private StandardError() {}

  /** Call first in {@code main}. Does nothing when the launcher did not redirect. */
  static void restore() {
    String kept = System.getenv("PALIMPSEST_STDERR");
    if (kept == null) {
      return;
    }
    try {
      int descriptor = Integer.parseInt(kept);
      MethodHandle dup2 =
          libc(
              "dup2",
              FunctionDescriptor.of(
                  ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));
      MethodHandle close =
          libc("close", FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));
      if ((int) dup2.invokeExact(descriptor, STDERR) == STDERR) {
        int _ = (int) close.invokeExact(descriptor);
      }
    } catch (Throwable e) {
      System.err.println("standard error stays behind the launcher's filter: " + e);
    }
  }

  private static MethodHandle libc(String name, FunctionDescriptor type) {
    Linker linker = Linker.nativeLinker();
    SymbolLookup lookup = linker.defaultLookup();
    return linker.downcallHandle(lookup.findOrThrow(name), type);
  }
}
