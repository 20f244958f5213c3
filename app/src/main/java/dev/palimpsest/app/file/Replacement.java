package dev.palimpsest.app.file;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;

/** Files that are written beside their place and then moved there: whole, or not at all. */
public final class Replacement {
  private Replacement() {}

  /** Writes a text. */
  public static void write(Path target, String text) throws IOException {
    write(target, temporary -> Files.writeString(temporary, text));
  }

  /** Lets somebody write a file; what goes wrong is said of the target. */
  public static void write(Path target, Content content) throws IOException {
    if (Files.exists(target) && !Files.isRegularFile(target) && !Files.isDirectory(target)) {
      // A pipe or a device is written to, not replaced.
      content.write(target);
      return;
    }
    Path temporary = temporary(target);
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
      throw ofTarget(e, temporary, target);
    } finally {
      Files.deleteIfExists(temporary);
    }
  }

  /** What went wrong with a temporary file, said of the target. */
  public static UncheckedIOException ofTarget(UncheckedIOException e, Path temporary, Path target) {
    String message =
        String.valueOf(e.getMessage()).replace(temporary.toString(), target.toString());
    return new UncheckedIOException(message, e.getCause());
  }

  /** A place beside a target for what is to be moved there; deleted when the program ends. */
  public static Path temporary(Path target) {
    // The end of a name may say how the file is packed, so the temporary one differs in its start.
    Path temporary =
        target.resolveSibling(
            "part-%d-%s".formatted(ProcessHandle.current().pid(), target.getFileName()));
    temporary.toFile().deleteOnExit(); // also when it is interrupted
    return temporary;
  }

  /**
   * Refuses a target that is one of the files that are read, by whatever name or link.
   *
   * @throws ParameterException if it is one
   */
  public static void requireNoInput(CommandSpec spec, String option, Path target, List<Path> inputs)
      throws IOException {
    for (Path input : inputs) {
      if (isSame(target, input)) {
        throw new ParameterException(
            spec.commandLine(),
            "%s %s is the file %s that is read: use another name".formatted(option, target, input));
      }
    }
  }

  private static boolean isSame(Path some, Path other) throws IOException {
    return (Files.exists(some) && Files.exists(other))
        ? Files.isSameFile(some, other)
        : some.toAbsolutePath().normalize().equals(other.toAbsolutePath().normalize());
  }

  private static IOException because(FileSystemException named, FileSystemException cause) {
    named.initCause(cause);
    return named;
  }

  /** Writes a file. */
  public interface Content {
    public void write(Path file) throws IOException;
  }
}
