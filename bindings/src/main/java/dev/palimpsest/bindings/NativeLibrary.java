package dev.palimpsest.bindings;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.List;

/**
 * Shared libraries of the system, found by the dynamic loader under their own names and then loaded
 * into this class loader, where generated bindings look for their symbols.
 */
public final class NativeLibrary {
  private static final int RTLD_LAZY = 1;
  private static final int RTLD_DI_LINKMAP = 2;

  private static final Linker LINKER = Linker.nativeLinker();

  // Looked up before any failure: a lookup is itself a call that clears the loader's message.
  private static final MethodHandle ERROR = function("dlerror", FunctionDescriptor.of(ADDRESS));
  private static final MethodHandle OPEN =
      function("dlopen", FunctionDescriptor.of(ADDRESS, ADDRESS, JAVA_INT));
  private static final MethodHandle INFO =
      function("dlinfo", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT, ADDRESS));

  private NativeLibrary() {}

  /**
   * Loads the first of these that can be loaded.
   *
   * @param names file names for the dynamic loader to search, or paths
   * @return where the loaded one lies
   * @throws IOException with the loader's own messages if there is none
   */
  public static Path load(List<String> names) throws IOException {
    StringBuilder messages = new StringBuilder();
    for (String name : names) {
      try {
        Path file = locate(name);
        System.load(file.toString());
        return file;
      } catch (IOException | UnsatisfiedLinkError e) {
        messages.append(messages.isEmpty() ? "" : "; ").append(e.getMessage());
      }
    }
    throw new IOException(messages.toString());
  }

  private static Path locate(String name) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      // The first call of a handle compiles it, which must not come between a failure and its
      // reason.
      String _ = loaderMessage();
      MemorySegment library = (MemorySegment) OPEN.invokeExact(arena.allocateFrom(name), RTLD_LAZY);
      if (library.equals(MemorySegment.NULL)) {
        throw new IOException(loaderMessage());
      }
      MemorySegment link = arena.allocate(ADDRESS);
      int status = (int) INFO.invokeExact(library, RTLD_DI_LINKMAP, link);
      if (status != 0) {
        throw new IOException(loaderMessage());
      }
      // struct link_map { ElfW(Addr) l_addr; char *l_name; ... }
      MemorySegment map = link.get(ADDRESS, 0).reinterpret(2 * ADDRESS.byteSize());
      return Path.of(text(map.get(ADDRESS, ADDRESS.byteSize()))).toAbsolutePath();
    } catch (IOException | RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IOException(name + " could not be looked for: " + e, e);
    }
  }

  private static String loaderMessage() throws Throwable {
    MemorySegment message = (MemorySegment) ERROR.invokeExact();
    return message.equals(MemorySegment.NULL) ? "the loader gives no reason" : text(message);
  }

  private static String text(MemorySegment unsized) {
    return unsized.reinterpret(Long.MAX_VALUE).getString(0);
  }

  private static MethodHandle function(String name, FunctionDescriptor descriptor) {
    return LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow(name), descriptor);
  }
}
