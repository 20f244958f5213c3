package dev.palimpsest.unpack;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The cache, with class files in the place of libraries. */
class LibraryCacheTest {
  private static final String RESOURCES = "/dev/palimpsest/unpack/";
  private static final String ONE = RESOURCES + "LibraryCache.class";
  private static final String OTHER = RESOURCES + "PrivateFolder.class";
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

  private static LibraryCache cache(Path folder) {
    return new LibraryCache(folder, "WHERE");
  }

  private static Set<PosixFilePermission> mode(String mode) {
    return PosixFilePermissions.fromString(mode);
  }

  private static List<String> names(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  @Test
  void librariesLieSideBySideWithTheBytesOfTheirResources() throws IOException {
    Path unpacked = cache(folder.resolve("not/there/yet")).unpack("group", ONE, OTHER);
    assertThat(unpacked.getParent()).isEqualTo(folder.resolve("not/there/yet"));
    assertThat(unpacked.getFileName().toString()).startsWith("group-");
    assertThat(names(unpacked)).containsExactly("LibraryCache.class", "PrivateFolder.class");
    assertThat(unpacked.resolve("LibraryCache.class")).hasBinaryContent(bytes(ONE));
    assertThat(unpacked.resolve("PrivateFolder.class")).hasBinaryContent(bytes(OTHER));
    assertThat(Files.getPosixFilePermissions(folder.resolve("not"))).isEqualTo(mode("rwx------"));
  }

  @Test
  void aLibraryInAJarIsUnpackedToo() throws IOException {
    String inJar = "/org/junit/jupiter/api/Test.class";
    assertThat(cache(folder).unpack("group", inJar).resolve("Test.class"))
        .hasBinaryContent(bytes(inJar));
  }

  @Test
  void otherContentsHaveAnotherFolder() throws IOException {
    assertThat(cache(folder).unpack("group", ONE))
        .isNotEqualTo(cache(folder).unpack("group", OTHER));
  }

  @Test
  void aLibraryIsUnpackedOnce() throws IOException {
    Path file = cache(folder).unpack("group", ONE).resolve("LibraryCache.class");
    Files.setLastModifiedTime(file, LONG_AGO);
    cache(folder).unpack("group", ONE);
    assertThat(Files.getLastModifiedTime(file)).isEqualTo(LONG_AGO);
  }

  @Test
  void aDamagedFileIsReplaced() throws IOException {
    Path file = cache(folder).unpack("group", ONE).resolve("LibraryCache.class");
    byte[] good = bytes(ONE);
    byte[] flipped = good.clone();
    flipped[good.length / 2] ^= 1;
    byte[] cut = new byte[good.length - 1];
    System.arraycopy(good, 0, cut, 0, cut.length);
    for (byte[] damaged : List.of(flipped, cut, new byte[0])) {
      Files.write(file, damaged);
      cache(folder).unpack("group", ONE);
      assertThat(file).hasBinaryContent(good);
      assertThat(names(file.resolveSibling(""))).containsExactly("LibraryCache.class");
    }
  }

  @Test
  void aFileThatOthersCouldWriteIsReplaced() throws IOException {
    Path file = cache(folder).unpack("group", ONE).resolve("LibraryCache.class");
    Files.setPosixFilePermissions(file, mode("rw-rw-rw-"));
    cache(folder).unpack("group", ONE);
    assertThat(Files.getPosixFilePermissions(file)).isEqualTo(mode("rw-------"));
  }

  @Test
  void aLinkInTheFilesPlaceIsReplaced() throws IOException {
    Path file = cache(folder).unpack("group", ONE).resolve("LibraryCache.class");
    Path elsewhere = folder.resolve("elsewhere");
    Files.move(file, elsewhere);
    Files.createSymbolicLink(file, elsewhere);
    cache(folder).unpack("group", ONE);
    assertThat(file).isRegularFile().hasBinaryContent(bytes(ONE));
    assertThat(Files.isSymbolicLink(file)).isFalse();
  }

  @ParameterizedTest(name = "{0}")
  @ValueSource(strings = {"rwxrwxrwx", "rwxrwx---", "rwx----w-", "rwxr-xrwx"})
  void aFolderThatOthersCanWriteIsRefusedWithTheRemedy(String mode) throws IOException {
    Path open = Files.createDirectory(folder.resolve("open"));
    Files.setPosixFilePermissions(open, mode(mode));
    assertThatThrownBy(() -> cache(open.resolve("cache")).unpack("group", ONE))
        .isInstanceOf(IOException.class)
        .hasMessageStartingWith(
            "native libraries cannot be kept in " + open.resolve("cache") + " (" + open)
        .hasMessageContaining("can be written by other users")
        .hasMessageEndingWith(": set WHERE to a folder that you own and nobody else can write");
    Path own = Files.createDirectory(folder.resolve("own"));
    Path unpacked = cache(own).unpack("group", ONE);
    Files.setPosixFilePermissions(unpacked, mode(mode));
    assertThatThrownBy(() -> cache(own).unpack("group", ONE))
        .hasMessageContaining(unpacked + " can be written by other users");
  }

  @Test
  void aLinkLeadsToWhatIsChecked() throws IOException {
    Path open = Files.createDirectory(folder.resolve("open"));
    Files.setPosixFilePermissions(open, mode("rwxrwxrwx"));
    Path link = Files.createSymbolicLink(folder.resolve("link"), open);
    assertThatThrownBy(() -> cache(link).unpack("group", ONE))
        .hasMessageContaining(open + " can be written by other users");
  }

  @Test
  void aRelativeFolderIsRefused() {
    assertThatThrownBy(() -> cache(Path.of("?", ".cache")).unpack("group", ONE))
        .hasMessageContaining("is not an absolute path");
    assertThat(Path.of("?")).doesNotExist();
  }

  @Test
  void aFileInTheFoldersPlaceIsNamed() throws IOException {
    Path file = Files.writeString(folder.resolve("file"), "in the way");
    assertThatThrownBy(() -> cache(file.resolve("cache")).unpack("group", ONE))
        .hasMessageStartingWith("native libraries cannot be kept in " + file.resolve("cache"))
        .hasMessageContaining("cannot be made");
  }

  @Test
  void aMissingResourceIsNamed() throws IOException {
    assertThatThrownBy(() -> cache(folder).unpack("group", RESOURCES + "missing.so"))
        .isInstanceOf(IOException.class)
        .hasMessage(RESOURCES + "missing.so is not on the class path");
    assertThat(names(folder)).isEmpty();
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
                    return cache(folder).unpack(group, ONE, OTHER);
                  }));
        }
        for (Future<Path> each : all) {
          assertThat(each.get().resolve("LibraryCache.class")).hasBinaryContent(bytes(ONE));
        }
      }
      Path unpacked = cache(folder).unpack(group, ONE, OTHER);
      assertThat(names(unpacked)).containsExactly("LibraryCache.class", "PrivateFolder.class");
    }
  }
}
