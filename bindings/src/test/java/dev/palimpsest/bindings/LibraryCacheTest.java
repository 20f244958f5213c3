package dev.palimpsest.bindings;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.palimpsest.bindings.LibraryCache.Library;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The cache, with class files in the place of libraries. */
class LibraryCacheTest {
  private static final String RESOURCES = "/dev/palimpsest/bindings/onednn/";
  private static final String ONE = RESOURCES + "OneDnn.class";
  private static final String OTHER = RESOURCES + "OneDnnException.class";
  private static final FileTime LONG_AGO = FileTime.fromMillis(1_000_000_000_000L);

  @TempDir Path folder;

  private static byte[] bytes(String resource) {
    try (InputStream in = LibraryCacheTest.class.getResourceAsStream(resource)) {
      if (in == null) {
        throw new IllegalStateException(resource + " is not on the class path");
      }
      return in.readAllBytes();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private static Library library(String resource) {
    try {
      byte[] bytes = bytes(resource);
      CRC32 crc = new CRC32();
      crc.update(bytes);
      byte[] digest = MessageDigest.getInstance("SHA-256").digest(bytes);
      return new Library(resource, HexFormat.of().formatHex(digest), crc.getValue());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  private static List<String> names(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  @Test
  void librariesLieSideBySideWithTheBytesOfTheirResources() throws IOException {
    Path unpacked =
        new LibraryCache(folder.resolve("not/there/yet"))
            .unpack("group", library(ONE), library(OTHER));
    assertThat(unpacked).isEqualTo(folder.resolve("not/there/yet/group"));
    assertThat(names(unpacked)).containsExactly("OneDnn.class", "OneDnnException.class");
    assertThat(unpacked.resolve("OneDnn.class")).hasBinaryContent(bytes(ONE));
    assertThat(unpacked.resolve("OneDnnException.class")).hasBinaryContent(bytes(OTHER));
  }

  @Test
  void aLibraryIsUnpackedOnce() throws IOException {
    LibraryCache cache = new LibraryCache(folder);
    Path file = cache.unpack("group", library(ONE)).resolve("OneDnn.class");
    Files.setLastModifiedTime(file, LONG_AGO);
    cache.unpack("group", library(ONE));
    assertThat(Files.getLastModifiedTime(file)).isEqualTo(LONG_AGO);
  }

  @Test
  void aDamagedFileIsReplaced() throws IOException {
    LibraryCache cache = new LibraryCache(folder);
    Path file = cache.unpack("group", library(ONE)).resolve("OneDnn.class");
    byte[] good = bytes(ONE);
    byte[] flipped = good.clone();
    flipped[good.length / 2] ^= 1;
    byte[] cut = new byte[good.length - 1];
    System.arraycopy(good, 0, cut, 0, cut.length);
    for (byte[] damaged : List.of(flipped, cut, new byte[0])) {
      Files.write(file, damaged);
      cache.unpack("group", library(ONE));
      assertThat(file).hasBinaryContent(good);
      assertThat(names(file.resolveSibling(""))).containsExactly("OneDnn.class");
    }
  }

  @Test
  void aWrongSha256IsRefusedAndLeavesNothingBehind() throws IOException {
    Library right = library(ONE);
    Library wrong = new Library(ONE, "0".repeat(64), right.crc32());
    assertThatThrownBy(() -> new LibraryCache(folder).unpack("group", wrong))
        .isInstanceOf(IOException.class)
        .hasMessage(
            ONE + " has SHA-256 " + right.sha256() + " where " + "0".repeat(64) + " is expected");
    assertThat(names(folder.resolve("group"))).isEmpty();
  }

  @Test
  void aMissingResourceIsNamed() throws IOException {
    Library missing = new Library(RESOURCES + "missing.so", "", 0);
    assertThatThrownBy(() -> new LibraryCache(folder).unpack("group", missing))
        .isInstanceOf(IOException.class)
        .hasMessage(RESOURCES + "missing.so is not on the class path");
    assertThat(names(folder.resolve("group"))).isEmpty();
  }

  @Test
  void manyMayUnpackAtOnce() throws Exception {
    int threads = 4;
    for (int round = 0; round < 20; round++) {
      String group = "group" + round;
      CyclicBarrier start = new CyclicBarrier(threads);
      try (ExecutorService pool = Executors.newFixedThreadPool(threads)) {
        List<Future<Path>> all = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
          all.add(
              pool.submit(
                  () -> {
                    start.await();
                    return new LibraryCache(folder).unpack(group, library(ONE), library(OTHER));
                  }));
        }
        for (Future<Path> each : all) {
          assertThat(each.get().resolve("OneDnn.class")).hasBinaryContent(bytes(ONE));
        }
      }
      assertThat(names(folder.resolve(group)))
          .containsExactly("OneDnn.class", "OneDnnException.class");
    }
  }
}
