package dev.palimpsest.app.terminal;

import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;

/**
 * Standard output whose failed writes end the command. {@link PrintStream} keeps silent about an
 * {@link IOException}, and lets a {@link Failure} through.
 */
public final class StandardOutput extends FilterOutputStream {
  private StandardOutput(OutputStream out) {
    super(out);
  }

  /** Call first in {@code main}. */
  public static void install() {
    System.setOut(of(new FileOutputStream(FileDescriptor.out)));
  }

  /** Prints to a stream, in the charset of standard output. */
  public static PrintStream of(OutputStream out) {
    return new PrintStream(
        new BufferedOutputStream(new StandardOutput(out)), true, System.out.charset());
  }

  @Override
  public void write(int value) {
    write(new byte[] {(byte) value}, 0, 1);
  }

  @Override
  public void write(byte[] bytes, int offset, int length) {
    try {
      out.write(bytes, offset, length);
    } catch (IOException e) {
      throw new Failure(e);
    }
  }

  @Override
  public void flush() {
    try {
      out.flush();
    } catch (IOException e) {
      throw new Failure(e);
    }
  }

  /** A write that failed. */
  public static final class Failure extends UncheckedIOException {
    private static final long serialVersionUID = 1L;

    Failure(IOException cause) {
      super("standard output could not be written: " + cause.getMessage() + ".", cause);
    }

    /** Whether whoever read it has gone, as {@code head} does when it has enough. */
    public boolean isBrokenPipe() {
      return String.valueOf(getMessage()).contains("Broken pipe");
    }
  }
}
