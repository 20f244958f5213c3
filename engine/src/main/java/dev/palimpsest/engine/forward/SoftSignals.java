package dev.palimpsest.engine.forward;

import dev.palimpsest.engine.backend.Activation;
import dev.palimpsest.engine.backend.Backend;
import dev.palimpsest.engine.backend.KvLayer;
import dev.palimpsest.engine.backend.StepArena;
import dev.palimpsest.engine.backend.Weight;
import dev.palimpsest.engine.checkpoint.DType;
import dev.palimpsest.engine.checkpoint.Tensor;
import dev.palimpsest.engine.model.ModelSpec;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The soft signals of a model. Their memory, and that of the embedding with rows for columns which
 * they are computed with, is taken when the first is opened; a signal that is closed leaves its
 * room to the next.
 */
final class SoftSignals {
  private static final int MOST = 4096;

  /** Rows of probabilities that are held at a time. */
  private static final int ROWS = 64;

  private final ModelSpec spec;
  private final Backend backend;
  private final Weights weights;
  private final Weight columns;
  private final KvLayer rows;
  private final int length;
  private final Deque<int[]> free = new ArrayDeque<>();
  private int opened;

  SoftSignals(ModelSpec spec, Backend backend, Weights weights) {
    this.spec = spec;
    this.backend = backend;
    this.weights = weights;
    length = spec.canvas().orElseThrow().length();
    columns = backend.transposed(weights.embedding());
    rows = backend.openKvLayer(MOST * length, spec.hidden());
  }

  SoftSignal open() {
    if (free.isEmpty()) {
      if (opened == MOST) {
        throw new IllegalStateException(
            "%d soft signals are open, and no more can be: close those that are done with"
                .formatted(opened));
      }
      int first = opened++ * length;
      free.push(IntStream.range(first, first + length).toArray());
    }
    return new SoftSignal(free.pop(), free::push);
  }

  /** Room for some rows of probabilities and of what they weigh. */
  record Room(Activation probabilities, Activation weighed) {}

  /** Takes room in the memory of a step. */
  Room allocate(StepArena arena) {
    int count = Math.min(ROWS, length);
    return new Room(arena.allocate(count, spec.vocabulary()), arena.allocate(count, spec.hidden()));
  }

  /** Writes down what the next step may be told. */
  void write(CanvasQuery.Written written, Activation hidden, Room room) {
    int[] slots = written.signal().slots();
    int most = room.probabilities().rows();
    for (int first = 0; first < slots.length; first += most) {
      int count = Math.min(most, slots.length - first);
      Activation probabilities = room.probabilities().firstRows(count);
      backend.distribution(
          hidden.rows(first, count),
          weights.head(),
          spec.reading().logitCap(),
          written.temperature(),
          probabilities);
      weigh(probabilities, room, slots, first);
    }
    written.signal().markWritten();
  }

  /** Keeps the embeddings that some rows of probabilities weigh, in the slots from one on. */
  private void weigh(Activation probabilities, Room room, int[] slots, int first) {
    int count = probabilities.rows();
    Activation weighed = room.weighed().firstRows(count);
    backend.linear(probabilities, columns, 0, weighed);
    int[] all = IntStream.range(0, count).toArray();
    backend.cache(weighed, all, rows, Arrays.copyOfRange(slots, first, first + count));
  }

  /** Writes down what follows from probabilities that are given. */
  void write(SoftSignal signal, float[] probabilities, StepArena arena) {
    int[] slots = signal.slots();
    Weight given =
        backend.weight(
            List.of(
                new Tensor(
                    "probabilities",
                    DType.F32,
                    List.of((long) slots.length, (long) spec.vocabulary()),
                    MemorySegment.ofArray(probabilities))));
    arena.rewind();
    Room room = allocate(arena);
    backend.begin(arena.used());
    int most = room.probabilities().rows();
    for (int first = 0; first < slots.length; first += most) {
      int count = Math.min(most, slots.length - first);
      Activation some = room.probabilities().firstRows(count);
      backend.embed(IntStream.range(first, first + count).toArray(), given, some);
      weigh(some, room, slots, first);
    }
    float[] _ = backend.read(room.weighed());
    signal.markWritten();
  }

  /** Reads signals, one after another, into the rows of {@code out} from {@code first} on. */
  void read(List<SoftSignal> signals, int first, Activation out) {
    int[] slots = signals.stream().flatMapToInt(each -> IntStream.of(each.slots())).toArray();
    backend.restore(rows, slots, IntStream.range(first, first + slots.length).toArray(), out);
  }
}
