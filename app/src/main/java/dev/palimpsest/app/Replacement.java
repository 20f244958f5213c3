package dev.palimpsest.app;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/** Files that are written beside their place and then moved there: whole, or not at all. */
final class Replacement {
  private Replacement() {}

  /** Writes a text. */
  static void write(Path target, String text) throws IOException {
    write(target, temporary -> Files.writeString(temporary, text));
  }

  /** Lets somebody write a file; what goes wrong is said of the target. */
  static void write(Path target, Content content) throws IOException {
    // The end of a name may say how the file is packed, so the temporary one differs in its start.
    Path temporary = target.resolveSibling("part-" + target.getFileName());
    try {
      content.write(temporary);
      Files.move(temporary, target, StandardCopyOption.REPLACE_EXISTING);
    } catch (NoSuchFileException e) {
      throw because(new NoSuchFileException(target.toString()), e);
    } catch (AccessDeniedException e) {
      throw because(new AccessDeniedException(target.toString()), e);
    } catch (FileSystemException e) {
      throw because(new FileSystemException(target.toString(), null, e.getReason()), e);
    } catch (UncheckedIOException e) {
      String message =
          String.valueOf(e.getMessage()).replace(temporary.toString(), target.toString());
      throw new UncheckedIOException(message, e.getCause());
    } finally {
      Files.deleteIfExists(temporary);
    }
  }

  private static IOException because(FileSystemException named, FileSystemException cause) {
    named.initCause(cause);
    return named;
  }

  /** Writes a file. */
  interface Content {
    void write(Path file) throws IOException;
  }
}
