package dev.palimpsest.bindings;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.zip.CRC32;

/**
 * Shared libraries that travel inside jars, unpacked once per user.
 *
 * <p>A library is unpacked to a temporary file that is moved into place only when its bytes have
 * the expected SHA-256. Before every later use its CRC-32 is checked (a few milliseconds where the
 * SHA-256 of oneDNN takes half a second), so a damaged file is replaced and never loaded.
 */
public final class LibraryCache {
  private final Path folder;

  /** A cache in a folder, which need not exist. */
  public LibraryCache(Path folder) {
    this.folder = folder;
  }

  /** The cache in the {@linkplain #userFolder user's folder}. */
  public static LibraryCache ofUser() {
    return new LibraryCache(userFolder());
  }

  /** {@code $XDG_CACHE_HOME/palimpsest}, or {@code ~/.cache/palimpsest}. */
  public static Path userFolder() {
    String configured = System.getenv("XDG_CACHE_HOME");
    Path caches =
        configured == null || configured.isBlank()
            ? Path.of(System.getProperty("user.home"), ".cache")
            : Path.of(configured);
    return caches.resolve("palimpsest");
  }

  /**
   * Unpacks a group of libraries that must lie side by side.
   *
   * @return the folder that holds them
   * @throws IOException if a resource is missing or its bytes are not the expected ones
   */
  public Path unpack(String name, Library... libraries) throws IOException {
    Path target = folder.resolve(name);
    for (Library library : libraries) {
      Path file = target.resolve(library.fileName());
      if (!Files.isRegularFile(file) || crc32(file) != library.crc32()) {
        Files.createDirectories(target);
        unpack(library, file);
      }
    }
    return target;
  }

  private static void unpack(Library library, Path file) throws IOException {
    Path directory = file.toAbsolutePath().getParent();
    Path temporary = Files.createTempFile(directory, library.fileName(), ".part");
    try {
      MessageDigest digest = sha256();
      try (InputStream in = open(library);
          OutputStream out = new DigestOutputStream(Files.newOutputStream(temporary), digest)) {
        in.transferTo(out);
      }
      String found = HexFormat.of().formatHex(digest.digest());
      if (!found.equals(library.sha256())) {
        throw new IOException(
            library.resource()
                + " has SHA-256 "
                + found
                + " where "
                + library.sha256()
                + " is expected");
      }
      Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(temporary);
    }
  }

  private static InputStream open(Library library) throws IOException {
    InputStream in = LibraryCache.class.getResourceAsStream(library.resource());
    if (in == null) {
      throw new IOException(library.resource() + " is not on the class path");
    }
    return in;
  }

  private static long crc32(Path file) throws IOException {
    CRC32 checksum = new CRC32();
    try (FileChannel channel = FileChannel.open(file)) {
      checksum.update(channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size()));
    }
    return checksum.getValue();
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  /** A library inside a jar: its absolute resource name and the checksums of its bytes. */
  public record Library(String resource, String sha256, long crc32) {
    /** The file's own name. */
    public String fileName() {
      return resource.substring(resource.lastIndexOf('/') + 1);
    }
  }
}
