package dev.palimpsest.unpack;

import java.io.IOException;
import java.io.InputStream;
import java.net.JarURLConnection;
import java.net.URL;
import java.net.URLConnection;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.jar.JarEntry;
import java.util.zip.CRC32;

/**
 * Native libraries that travel inside jars, unpacked once per user.
 *
 * <p>They are unpacked only into a folder that the user owns and nobody else can write, and loaded
 * only from there. Before every load the CRC-32 of the file is compared with the one that the jar
 * states, so that a damaged file is replaced and never loaded; against other users, who could make
 * a file of any CRC-32, stands the folder.
 */
public final class LibraryCache {
  private static final String CONFIGURED = "XDG_CACHE_HOME";
  private static final Path MOUNTS = Path.of("/proc/self/mounts");
  private static final int CHUNK_BYTES = 1 << 20;

  private final Path folder;
  private final String variable;

  /**
   * A cache in a folder, which need not exist.
   *
   * @param variable the environment variable that moves it, for messages
   */
  public LibraryCache(Path folder, String variable) {
    this.folder = folder;
    this.variable = variable;
  }

  /** The cache in the {@linkplain #userFolder user's folder}. */
  public static LibraryCache ofUser() {
    return new LibraryCache(userFolder(), CONFIGURED);
  }

  /** {@code $XDG_CACHE_HOME/palimpsest}, or {@code ~/.cache/palimpsest}. */
  public static Path userFolder() {
    String configured = System.getenv(CONFIGURED);
    Path caches =
        configured == null || configured.isBlank()
            ? Path.of(System.getProperty("user.home"), ".cache")
            : Path.of(configured);
    return caches.resolve("palimpsest");
  }

  /**
   * Unpacks a group of libraries that must lie side by side, where they do not lie there yet.
   *
   * @param name of the group: part of its folder's name, beside a checksum of its contents
   * @param resources absolute names of resources on the class path
   * @return the folder that holds them, without links
   * @throws IOException with what stands against it and the remedy, in one sentence without a full
   *     stop
   */
  public Path unpack(String name, String... resources) throws IOException {
    List<Library> libraries = new ArrayList<>();
    CRC32 contents = new CRC32();
    for (String resource : resources) {
      Library library = Library.find(resource);
      libraries.add(library);
      contents.update(ByteBuffer.allocate(Long.BYTES).putLong(0, library.crc32()));
    }
    try {
      Path target =
          PrivateFolder.open(folder.resolve("%s-%08x".formatted(name, contents.getValue())));
      requireExecution(target);
      for (Library library : libraries) {
        Path file = target.resolve(library.fileName());
        if (!library.isIn(file)) {
          library.write(file);
        }
      }
      return target;
    } catch (IOException e) {
      throw new IOException(
          "native libraries cannot be kept in %s (%s): set %s to a folder that you own and nobody else can write"
              .formatted(folder, PrivateFolder.reason(e), variable),
          e);
    }
  }

  /**
   * Checks that a library which unpacks itself has room for that.
   *
   * @param folder where it will lie
   * @throws IOException if there is no such folder, or too little room in it
   */
  public static void requireRoom(Path folder, String resource) throws IOException {
    if (!Files.isDirectory(folder)) {
      throw new IOException("there is no folder " + folder);
    }
    requireExecution(folder.toRealPath());
    Library.find(resource).requireRoom(folder);
  }

  /** The dynamic loader maps code, which a file system that is mounted noexec forbids. */
  private static void requireExecution(Path folder) throws IOException {
    if (!Files.isReadable(MOUNTS)) {
      return;
    }
    String options = "";
    int longest = -1;
    for (String line : Files.readAllLines(MOUNTS, StandardCharsets.ISO_8859_1)) {
      String[] fields = line.split(" ", -1);
      // Blanks in names are written \\040, and the like: none is taken for another folder by that.
      Path point = Path.of(fields[1]);
      // A later mount on the same point covers the earlier one.
      if (folder.startsWith(point) && point.getNameCount() >= longest) {
        longest = point.getNameCount();
        options = fields[3];
      }
    }
    if (List.of(options.split(",")).contains("noexec")) {
      throw new IOException(folder + " is on a file system that is mounted noexec");
    }
  }

  /**
   * A library inside a jar.
   *
   * @param source where it is
   * @param bytes its size
   * @param crc32 its checksum
   */
  private record Library(URL source, long bytes, long crc32) {

    static Library find(String resource) throws IOException {
      // The loader's: as a module, a class finds what lies in its own module alone.
      ClassLoader loader = LibraryCache.class.getClassLoader();
      URL source = loader.getResource(resource.substring(1));
      if (source == null) {
        throw new IOException(resource + " is not on the class path");
      }
      URLConnection connection = source.openConnection();
      connection.setUseCaches(false);
      try (InputStream in = connection.getInputStream()) {
        if (connection instanceof JarURLConnection jar) {
          JarEntry entry = jar.getJarEntry();
          return new Library(source, entry.getSize(), entry.getCrc());
        }
        byte[] bytes = in.readAllBytes();
        CRC32 checksum = new CRC32();
        checksum.update(bytes);
        return new Library(source, bytes.length, checksum.getValue());
      }
    }

    String fileName() {
      return source.getPath().substring(source.getPath().lastIndexOf('/') + 1);
    }

    boolean isIn(Path file) throws IOException {
      return Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)
          && PrivateFolder.isPrivate(file)
          && Files.size(file) == bytes
          && crc32(file) == crc32;
    }

    void requireRoom(Path folder) throws IOException {
      long free = Files.getFileStore(folder).getUsableSpace();
      if (free < bytes) {
        throw new IOException(
            String.format(
                Locale.ROOT,
                "%s needs %.1f MB and %s has %.1f MB free",
                fileName(),
                bytes / 1e6,
                folder,
                free / 1e6));
      }
    }

    /** Writes the library to a temporary file and moves that into place when it is sound. */
    void write(Path file) throws IOException {
      Path directory = file.resolveSibling("");
      requireRoom(directory);
      Path temporary = Files.createTempFile(directory, fileName(), ".part");
      try {
        try (InputStream in = source.openStream();
            FileChannel out = FileChannel.open(temporary, StandardOpenOption.WRITE)) {
          in.transferTo(Channels.newOutputStream(out));
          // A disk that fills up says so here, and not as a fault in mapped memory later.
          out.force(true);
        }
        if (crc32(temporary) != crc32) {
          throw new IOException("the jar that holds " + fileName() + " is damaged");
        }
        Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
      } finally {
        Files.deleteIfExists(temporary);
      }
    }

    /** Read, not mapped: a page that is missing on a full disk ends a process that maps it. */
    private static long crc32(Path file) throws IOException {
      CRC32 checksum = new CRC32();
      ByteBuffer chunk = ByteBuffer.allocateDirect(CHUNK_BYTES);
      try (FileChannel channel = FileChannel.open(file)) {
        while (channel.read(chunk) >= 0) {
          checksum.update(chunk.flip());
          chunk.clear();
        }
      }
      return checksum.getValue();
    }
  }
}
