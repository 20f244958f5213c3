package dev.palimpsest.sampler.trace;

import com.github.luben.zstd.util.Native;
import com.github.luben.zstd.util.ZstdVersion;
import dev.palimpsest.unpack.LibraryCache;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/**
 * The native library that packs traces.
 *
 * <p>On Linux, where the temporary folder is everybody's, it is unpacked by {@link LibraryCache};
 * elsewhere zstd-jni unpacks it into the user's own temporary folder.
 */
final class ZstdLibrary {
  private static final Optional<String> FAILURE = load();

  private ZstdLibrary() {}

  /**
   * Returns if packed traces can be written and read here.
   *
   * @throws IOException with the reason
   */
  static void require() throws IOException {
    if (FAILURE.isPresent()) {
      throw new IOException(FAILURE.get());
    }
  }

  private static Optional<String> load() {
    try {
      if (System.getProperty("os.name").equals("Linux")) {
        String name = "libzstd-jni-" + ZstdVersion.VERSION + ".so";
        Path folder =
            LibraryCache.ofUser()
                .unpack("zstd", "/linux/" + System.getProperty("os.arch") + "/" + name);
        System.load(folder.resolve(name).toString());
        Native.assumeLoaded();
      } else {
        Native.load();
      }
      return Optional.empty();
    } catch (IOException | RuntimeException | LinkageError e) {
      return Optional.of(String.valueOf(e.getMessage()).lines().findFirst().orElse(""));
    }
  }
}
