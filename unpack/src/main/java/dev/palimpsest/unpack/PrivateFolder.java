package dev.palimpsest.unpack;

import com.sun.security.auth.module.UnixSystem;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Locale;
import java.util.Set;

/**
 * A folder that the user owns, and in which nobody else can put or replace anything.
 *
 * <p>The rule is that of OpenSSH's {@code StrictModes}: the folder and every one above it, up to
 * the user's home or the root, belong to the user or to root and cannot be written by others. Above
 * the folder itself a sticky one, as {@code /tmp} is, is allowed: nobody can replace there what
 * another owns. Where files have no owner and mode (Windows), nothing is checked.
 */
final class PrivateFolder {
  private static final Set<String> VIEWS = FileSystems.getDefault().supportedFileAttributeViews();
  private static final int WRITABLE_BY_OTHERS = 0022;
  private static final int STICKY = 01000;
  private static final long ROOT = 0;

  private PrivateFolder() {}

  /**
   * Makes the folder if there is none, and checks it.
   *
   * @return it without links
   * @throws IOException with what is wrong, as half a sentence that begins with a folder
   */
  static Path open(Path folder) throws IOException {
    if (!folder.isAbsolute()) {
      throw new IOException(folder + " is not an absolute path");
    }
    Path real;
    try {
      if (!Files.isDirectory(folder)) {
        if (VIEWS.contains("posix")) {
          Files.createDirectories(
              folder,
              PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        } else {
          Files.createDirectories(folder);
        }
      }
      real = folder.toRealPath();
    } catch (IOException e) {
      throw new IOException(folder + " cannot be made: " + reason(e), e);
    }
    if (VIEWS.contains("unix")) {
      check(real, new UnixSystem().getUid());
    }
    return real;
  }

  /** Whether nobody but the user (or root) can have written this file. */
  static boolean isPrivate(Path file) throws IOException {
    if (!VIEWS.contains("unix")) {
      return true;
    }
    Rights rights = Rights.of(file);
    return !rights.isWritableByOthers()
        && (rights.owner() == ROOT || rights.owner() == new UnixSystem().getUid());
  }

  private static void check(Path folder, long user) throws IOException {
    Path home = Path.of(System.getProperty("user.home"));
    for (Path each = folder; each != null; each = each.getParent()) {
      boolean below = each.equals(folder);
      Rights rights = Rights.of(each);
      if (rights.owner() != user && (below || rights.owner() != ROOT)) {
        throw new IOException("%s belongs to another user".formatted(each));
      }
      if (rights.isWritableByOthers() && (below || !rights.isSticky())) {
        throw new IOException(
            "%s can be written by other users (mode %s; 'chmod go-w' would end that)"
                .formatted(each, Integer.toOctalString(rights.mode() & 07777)));
      }
      if (each.equals(home) && rights.owner() == user) {
        return;
      }
    }
  }

  /** Why an access to a file failed: the exceptions themselves often hold no more than its name. */
  static String reason(IOException e) {
    return switch (e) {
      case NoSuchFileException missing -> "there is no " + missing.getFile();
      case AccessDeniedException denied -> denied.getFile() + " may not be written";
      case FileAlreadyExistsException other -> other.getFile() + " is not a folder";
      case FileSystemException failed when failed.getReason() != null ->
          failed.getReason().toLowerCase(Locale.ROOT);
      default -> String.valueOf(e.getMessage());
    };
  }

  private record Rights(long owner, int mode) {
    static Rights of(Path file) throws IOException {
      return new Rights(
          Integer.toUnsignedLong((int) Files.getAttribute(file, "unix:uid")),
          (int) Files.getAttribute(file, "unix:mode"));
    }

    boolean isWritableByOthers() {
      return (mode & WRITABLE_BY_OTHERS) != 0;
    }

    boolean isSticky() {
      return (mode & STICKY) != 0;
    }
  }
}
