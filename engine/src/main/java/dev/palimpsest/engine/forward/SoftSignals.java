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
 * The soft signals of a model. The embedding with rows for columns, which they are computed with,
 * is made with the first; a signal takes the room of one that was closed, or new room if there is
 * none.
 */
final class SoftSignals {
  /** Rows of probabilities that are held at a time. */
  private static final int ROWS = 64;

  private final ModelSpec spec;
  private final Backend backend;
  private final Weights weights;
  private final Weight columns;
  private final int[] slots;
  private final Deque<KvLayer> free = new ArrayDeque<>();

  SoftSignals(ModelSpec spec, Backend backend, Weights weights) {
    this.spec = spec;
    this.backend = backend;
    this.weights = weights;
    slots = IntStream.range(0, spec.canvas().orElseThrow().length()).toArray();
    columns = backend.transposed(weights.embedding());
  }

  SoftSignal open() {
    KvLayer room = free.isEmpty() ? backend.openKvLayer(slots.length, spec.hidden()) : free.pop();
    return new SoftSignal(room, free::push);
  }

  /** Room for some rows of probabilities and of what they weigh. */
  record Room(Activation probabilities, Activation weighed) {}

  /** Rows of probabilities that are held at a time; 0 without a canvas. */
  static int rows(ModelSpec spec) {
    return spec.canvas().map(each -> Math.min(ROWS, each.length())).orElse(0);
  }

  /** Takes room in the memory of a step. */
  Room allocate(StepArena arena) {
    int count = rows(spec);
    return new Room(arena.allocate(count, spec.vocabulary()), arena.allocate(count, spec.hidden()));
  }

  /** Writes down what the next step may be told. */
  void write(CanvasQuery.Written.Signal written, Activation hidden, Room room) {
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
      weigh(probabilities, room, written.signal(), first);
    }
    written.signal().markWritten();
  }

  /** Keeps the embeddings that some rows of probabilities weigh, in a signal from a row on. */
  private void weigh(Activation probabilities, Room room, SoftSignal to, int first) {
    int count = probabilities.rows();
    Activation weighed = room.weighed().firstRows(count);
    backend.linear(probabilities, columns, 0, weighed);
    int[] all = IntStream.range(0, count).toArray();
    backend.cache(weighed, all, to.rows(), Arrays.copyOfRange(slots, first, first + count));
  }

  /** Writes down what follows from probabilities that are given. */
  void write(SoftSignal signal, float[] probabilities, StepArena arena) {
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
      weigh(some, room, signal, first);
    }
    float[] _ = backend.read(room.weighed());
    signal.markWritten();
  }

  /** Reads signals, one after another, into the rows of {@code out} from {@code first} on. */
  void read(List<SoftSignal> signals, int first, Activation out) {
    for (int i = 0; i < signals.size(); i++) {
      int from = first + i * slots.length;
      int[] to = IntStream.range(from, from + slots.length).toArray();
      backend.restore(signals.get(i).rows(), slots, to, out);
    }
  }
}
