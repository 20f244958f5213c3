package dev.palimpsest.engine.text;

import ai.djl.huggingface.tokenizers.jni.LibUtils;
import ai.djl.util.Platform;
import dev.palimpsest.unpack.LibraryCache;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The native library of Hugging Face's tokenizers.
 *
 * <p>DJL would copy it to {@code ~/.djl.ai} or, where there is no home, to a folder that all users
 * share, and would load what lies there. So it is unpacked by {@link LibraryCache}, into {@code
 * DJL_CACHE_DIR} where that is set, and DJL is told to take it from there, to use the CPU and to
 * stay offline. A library of the user's own, named by {@code RUST_LIBRARY_PATH}, is left to DJL.
 */
final class TokenizerLibrary {
  private static final String CACHE = "DJL_CACHE_DIR";
  private static final String OVERRIDE = "RUST_LIBRARY_PATH";
  private static final List<String> WINDOWS_RUNTIME =
      List.of("libwinpthread-1.dll", "libgcc_s_seh-1.dll", "libstdc++-6.dll");

  private static final Optional<String> FAILURE = load();

  private TokenizerLibrary() {}

  /** Why the library cannot be used, in one sentence without a full stop; empty when it can. */
  static Optional<String> failure() {
    return FAILURE;
  }

  private static Optional<String> load() {
    System.setProperty("ai.djl.offline", "true");
    System.setProperty("OPT_OUT_TRACKING", "true");
    System.setProperty("RUST_FLAVOR", "cpu");
    try {
      if (System.getenv(OVERRIDE) == null) {
        System.setProperty(OVERRIDE, unpack().toString());
      }
      LibUtils.checkStatus();
      return Optional.empty();
    } catch (IOException e) {
      return Optional.of(String.valueOf(e.getMessage()));
    } catch (RuntimeException | LinkageError | AssertionError e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      return Optional.of("its native library cannot be loaded: " + cause.getMessage());
    }
  }

  private static Path unpack() throws IOException {
    Platform platform = Platform.detectPlatform("tokenizers");
    String folder = "/native/lib/" + platform.getClassifier() + "/cpu/";
    String name = System.mapLibraryName("tokenizers");
    Stream<String> runtime =
        platform.getOsPrefix().equals("win") ? WINDOWS_RUNTIME.stream() : Stream.empty();
    String[] resources =
        Stream.concat(runtime, Stream.of(name)).map(folder::concat).toArray(String[]::new);
    String configured = System.getenv(CACHE);
    LibraryCache cache =
        configured == null || configured.isBlank()
            ? LibraryCache.ofUser()
            : new LibraryCache(Path.of(configured), CACHE);
    // The file, not its folder, which DJL takes only where there is a GPU.
    return cache.unpack("tokenizers", resources).resolve(name);
  }
}
