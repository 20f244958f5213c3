package dev.palimpsest.engine.backend.cuda;

import dev.palimpsest.bindings.cuda.Kernel;
import dev.palimpsest.bindings.cuda.KernelArguments;
import dev.palimpsest.bindings.cuda.Stream;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Writes launches of kernels on a tape, an argument at a time, and holds every argument to the
 * parameter that its operation declares in that place.
 */
final class Launch {
  private static final int HEADER_WORDS = 6;
  private static final List<DeviceOp> OPERATIONS = List.of(DeviceOp.values());

  private final Tape tape;
  private @Nullable DeviceOp op;
  private int given;

  Launch(Tape tape) {
    this.tape = tape;
  }

  /**
   * Begins one; its arguments follow.
   *
   * @throws IllegalStateException if the launch before lacks arguments
   */
  Launch begin(DeviceOp operation, int gridX, int gridY, int threads, int sharedBytes) {
    return begin(operation, 0, gridX, gridY, threads, sharedBytes);
  }

  /**
   * Begins one as {@link #begin(DeviceOp, int, int, int, int)}.
   *
   * @param headSize if there is a kernel for each size of heads, else 0
   */
  @SuppressWarnings("EnumOrdinal") // tapes are kept nowhere
  Launch begin(
      DeviceOp operation, int headSize, int gridX, int gridY, int threads, int sharedBytes) {
    end();
    op = operation;
    given = 0;
    tape.add(Tape.KERNEL)
        .add(operation.ordinal() + (long) headSize * OPERATIONS.size())
        .add(gridX)
        .add(gridY)
        .add(threads)
        .add(sharedBytes);
    return this;
  }

  /**
   * Adds a place in the device's memory; 0 is none.
   *
   * @throws IllegalArgumentException as all of these, if the operation takes none here
   */
  Launch address(long address) {
    return add(Parameter.Kind.ADDRESS, address);
  }

  /** Adds a byte of the step's input, whose address is known when the step runs. */
  Launch input(long at) {
    return add(Parameter.Kind.INPUT, at);
  }

  Launch value(int value) {
    return add(Parameter.Kind.INT, value);
  }

  Launch value(long value) {
    return add(Parameter.Kind.LONG, value);
  }

  Launch value(float value) {
    return add(Parameter.Kind.FLOAT, Float.floatToRawIntBits(value));
  }

  private Launch add(Parameter.Kind kind, long word) {
    if (op == null) {
      throw new IllegalStateException("an argument is given before a launch begins");
    }
    List<Parameter> parameters = op.parameters();
    if (given == parameters.size()) {
      throw new IllegalArgumentException(
          "%s takes %d arguments, and its launch gives it one more, %s"
              .formatted(op.kernel(), given, kind.described()));
    }
    Parameter parameter = parameters.get(given);
    if (parameter.kind() != kind) {
      throw new IllegalArgumentException(
          "argument %d of %s, %s, is %s, and its launch gives %s"
              .formatted(
                  given + 1,
                  op.kernel(),
                  parameter.name(),
                  parameter.kind().described(),
                  kind.described()));
    }
    given++;
    tape.add(word);
    return this;
  }

  /**
   * Ends the launch, if one has begun.
   *
   * @throws IllegalStateException if it lacks arguments
   */
  void end() {
    if (op != null && given < op.parameters().size()) {
      Parameter missing = op.parameters().get(given);
      throw new IllegalStateException(
          "%s takes %d arguments, and its launch gives %d: the next is %s, %s"
              .formatted(
                  op.kernel(),
                  op.parameters().size(),
                  given,
                  missing.name(),
                  missing.kind().described()));
    }
    op = null;
  }

  /** Forgets what has begun; the tape is cleared with it. */
  void clear() {
    op = null;
  }

  /**
   * Puts the launch that is written at {@code at} into the stream.
   *
   * @param input where the step's input starts on the device
   * @param behind whether another operation of the tape is ahead of it in the stream, before whose
   *     end it may start if the device can and its kernel waits
   * @return where the tape goes on
   */
  static int put(Tape tape, int at, Kernels kernels, long input, boolean behind, Stream stream) {
    KernelArguments arguments = kernels.arguments();
    int next = at + HEADER_WORDS;
    List<Parameter> parameters = op(tape, at).parameters();
    for (int i = 0; i < parameters.size(); i++) {
      long word = tape.word(next++);
      var _ =
          switch (parameters.get(i).kind()) {
            case ADDRESS, LONG -> arguments.add(word);
            case INPUT -> arguments.add(input + word);
            case INT -> arguments.add((int) word);
            case FLOAT -> arguments.add(Float.intBitsToFloat((int) word));
          };
    }
    int headSize = (int) tape.word(at + 1) / OPERATIONS.size();
    Kernel kernel = kernels.kernel(op(tape, at), headSize);
    int gridX = (int) tape.word(at + 2);
    int gridY = (int) tape.word(at + 3);
    int threads = (int) tape.word(at + 4);
    int sharedBytes = (int) tape.word(at + 5);
    if (behind && kernels.startEarly()) {
      kernel.launchEarly(stream, gridX, gridY, threads, sharedBytes, arguments);
    } else {
      kernel.launch(stream, gridX, gridY, 1, threads, sharedBytes, arguments);
    }
    return next;
  }

  /** Where the tape goes on behind the launch that is written at {@code at}. */
  static int next(Tape tape, int at) {
    return at + HEADER_WORDS + op(tape, at).parameters().size();
  }

  /** What the launch that is written at {@code at} computes. */
  static DeviceOp op(Tape tape, int at) {
    return OPERATIONS.get((int) tape.word(at + 1) % OPERATIONS.size());
  }
}
