package dev.palimpsest.engine.forward;

import dev.palimpsest.engine.backend.Activation;
import dev.palimpsest.engine.backend.Backend;
import dev.palimpsest.engine.backend.StepArena;
import dev.palimpsest.engine.backend.Weight;
import dev.palimpsest.engine.model.Attention;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.engine.probe.Hook;
import dev.palimpsest.engine.probe.Point;
import dev.palimpsest.engine.probe.Reading;
import dev.palimpsest.step.Query;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Copies wanted activations to memory of their own while a step runs, and reads them when it is
 * done. What the step itself computes, and in which order, it leaves alone.
 */
final class Recorder implements Hooks {
  private final List<Hook> hooks;
  private final List<int[]> positions;
  private final ModelSpec spec;
  private final RaggedBatch batch;
  private final Backend backend;
  private final int last;
  private final int[] rows;
  private final int[] askedRows;
  private final int[] keyRows;

  /** Of a pattern, the keys that it is of. */
  private final Map<Hook, Activation> copies = new HashMap<>();

  private final Map<Hook, float[]> read = new HashMap<>();
  private final Activation inputs;

  private Recorder(
      List<Hook> hooks,
      List<int[]> positions,
      ModelSpec spec,
      RaggedBatch batch,
      StepArena arena,
      Backend backend) {
    this.hooks = hooks;
    this.positions = positions;
    this.spec = spec;
    this.batch = batch;
    this.backend = backend;
    last = spec.layers() - 1;
    rows = all(false);
    askedRows = all(true);
    keyRows =
        IntStream.range(0, positions.size())
            .filter(this::isWatched)
            .flatMap(each -> IntStream.range(batch.starts()[each], batch.starts()[each + 1]))
            .toArray();
    int widest = 0;
    for (Hook hook : hooks) {
      for (Hook source : sources(hook)) {
        int count = source.point() == Point.PATTERN ? keyRows.length : rows.length;
        copies.computeIfAbsent(source, each -> arena.allocate(count, each.width(spec)));
        widest = Math.max(widest, inputWidth(source));
      }
    }
    inputs = arena.allocate(rows.length, widest);
  }

  /**
   * A recorder with its memory.
   *
   * @param positions that are wanted of each query, which the batch watches
   */
  static Recorder of(
      List<Hook> hooks,
      List<int[]> positions,
      ModelSpec spec,
      RaggedBatch batch,
      StepArena arena,
      Backend backend) {
    return new Recorder(hooks, positions, spec, batch, arena, backend);
  }

  private int[] all(boolean asked) {
    return IntStream.range(0, positions.size())
        .flatMap(each -> Arrays.stream(batch.watched().get(each).rows(positions.get(each), asked)))
        .toArray();
  }

  private boolean isWatched(int sequence) {
    return positions.get(sequence).length > 0;
  }

  /** What has to be copied so that a hook can be read. */
  private List<Hook> sources(Hook hook) {
    int block = hook.block();
    return switch (hook.point()) {
      case NORMALIZED -> List.of(new Hook(Point.RESID_POST, last));
      case PATTERN -> List.of(new Hook(Point.ROT_Q, block), hook);
      case ATTN_OUT ->
          isProduct(hook)
              ? List.of(hook)
              : List.of(new Hook(Point.RESID_PRE, block), new Hook(Point.RESID_MID, block));
      case MLP_OUT ->
          isProduct(hook)
              ? List.of(hook)
              : spec.stream().layerScalars()
                  ? List.of(new Hook(Point.RESID_MID, block), hook)
                  : List.of(new Hook(Point.RESID_MID, block), new Hook(Point.RESID_POST, block));
      default -> List.of(hook);
    };
  }

  private boolean isProduct(Hook hook) {
    if (spec.stream().norms().areAfter()) {
      return false;
    }
    return hook.point() == Point.ATTN_OUT
        || (hook.point() == Point.MLP_OUT && spec.feedForward().isDense(hook.block()));
  }

  private int inputWidth(Hook hook) {
    return switch (hook.point()) {
      case ATTN_OUT -> spec.attention(hook.block()).queryWidth();
      case MLP_OUT -> spec.feedForward().width();
      default -> 0;
    };
  }

  private int[] rowsAt(Point point, int block) {
    return point.isOfQueries() && block == last ? askedRows : rows;
  }

  @Override
  public void at(Point point, int block, Activation x) {
    copy(x, rowsAt(point, block), copies.get(new Hook(point, block)));
    if (point == Point.ROT_K) {
      copy(x, keyRows, copies.get(new Hook(Point.PATTERN, block)));
    }
  }

  private void copy(Activation x, int[] which, @Nullable Activation to) {
    if (to != null) {
      backend.gather(x, which, to);
    }
  }

  @Override
  public void product(Point point, int block, Activation x, Weight w) {
    Hook hook = new Hook(point, block);
    Activation to = copies.get(hook);
    if (to != null && isProduct(hook)) {
      Activation input = inputs.columns(0, x.columns());
      backend.gather(x, rowsAt(point, block), input);
      backend.linear(input, w, 0, to);
    }
  }

  @Override
  public void added(Point point, int block, Activation x) {
    copy(x, rowsAt(point, block), copies.get(new Hook(point, block)));
  }

  /** What was copied, once the step is in the backend's hands. */
  List<Reading> readings(List<Query> queries) {
    List<Reading> readings = new ArrayList<>();
    for (Hook hook : hooks) {
      int row = 0;
      int key = 0;
      for (int sequence = 0; sequence < queries.size(); sequence++) {
        if (isWatched(sequence)) {
          int keys = batch.starts()[sequence + 1] - batch.starts()[sequence];
          int step = queries.get(sequence).draw().step();
          readings.add(
              hook.point() == Point.PATTERN
                  ? pattern(hook, sequence, queries.get(sequence), row, key, keys)
                  : reading(hook, sequence, step, row));
          row += positions.get(sequence).length;
          key += keys;
        }
      }
    }
    return readings;
  }

  private float[] read(Hook copied) {
    return read.computeIfAbsent(
        copied, each -> backend.read(Objects.requireNonNull(copies.get(each), each.name())));
  }

  private Reading reading(Hook hook, int sequence, int step, int first) {
    int[] at = positions.get(sequence);
    int width = hook.width(spec);
    List<Hook> sources = sources(hook);
    float[] values =
        Arrays.copyOfRange(read(sources.getLast()), first * width, (first + at.length) * width);
    if (hook.point() == Point.NORMALIZED) {
      normalize(values, width);
    } else if (sources.size() == 2) {
      float[] before = read(sources.getFirst());
      for (int i = 0; i < values.length; i++) {
        values[i] -= before[first * width + i];
      }
    }
    return new Reading(hook, sequence, step, at, at.length, width, values);
  }

  private void normalize(float[] values, int width) {
    for (int first = 0; first < values.length; first += width) {
      double squares = 0;
      for (int i = first; i < first + width; i++) {
        squares += (double) values[i] * values[i];
      }
      double scale = 1 / Math.sqrt(squares / width + spec.normEpsilon());
      for (int i = first; i < first + width; i++) {
        values[i] = (float) (values[i] * scale);
      }
    }
  }

  /**
   * Softmax of the scaled products of queries and the keys they see, in double precision; keys
   * stand where their tokens stand in the text.
   */
  private Reading pattern(Hook hook, int sequence, Query asked, int first, int firstKey, int keys) {
    int[] columns =
        Arrays.stream(batch.positions(), batch.starts()[sequence], batch.starts()[sequence + 1])
            .map(position -> position - asked.firstPosition())
            .toArray();
    int width = Arrays.stream(columns).max().orElse(0) + 1;
    float[] queries = read(new Hook(Point.ROT_Q, hook.block()));
    float[] keyRowsRead = read(hook);
    int[] at = positions.get(sequence);
    int[] tokenRows = batch.watched().get(sequence).rows(at, false);
    Attention attention = spec.attention(hook.block());
    int size = attention.headSize();
    int heads = attention.heads();
    int group = heads / attention.keyValueHeads();
    float[] values = new float[at.length * heads * width];
    double[] scores = new double[keys];
    for (int i = 0; i < at.length; i++) {
      int limit = batch.limits()[tokenRows[i]];
      boolean inCanvas = batch.kinds()[tokenRows[i]] == RaggedBatch.CANVAS;
      int window = inCanvas ? spec.canvasWindow(attention.window()) : attention.window();
      int seen = Math.max(0, limit - window);
      for (int head = 0; head < heads; head++) {
        int query = (first + i) * heads * size + head * size;
        double top = Double.NEGATIVE_INFINITY;
        for (int key = seen; key < limit; key++) {
          int from = (firstKey + key) * attention.keyWidth() + head / group * size;
          double sum = 0;
          for (int d = 0; d < size; d++) {
            sum += (double) queries[query + d] * keyRowsRead[from + d];
          }
          scores[key] = sum / Math.sqrt(size);
          top = Math.max(top, scores[key]);
        }
        double total = 0;
        for (int key = seen; key < limit; key++) {
          scores[key] = Math.exp(scores[key] - top);
          total += scores[key];
        }
        int to = (i * heads + head) * width;
        for (int key = seen; key < limit; key++) {
          values[to + columns[key]] = (float) (scores[key] / total);
        }
      }
    }
    return new Reading(hook, sequence, asked.draw().step(), at, at.length * heads, width, values);
  }
}
