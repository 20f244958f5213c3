package dev.palimpsest.engine.backend.cuda;

import dev.palimpsest.engine.backend.RowDraw;
import dev.palimpsest.step.Draw;
import dev.palimpsest.step.IdSet;
import dev.palimpsest.step.SamplingFilter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.List;

/**
 * The draws of a step as the vocabulary kernels read them. A row with a filter is folded when it
 * has been narrowed and divided by its temperature, and so is drawn at a temperature of 1, from
 * every id that remains.
 *
 * @param draws byte of the step's input, {@value #BYTES} a row
 * @param idLists byte of the step's input: the ids that draws leave out, and the sets of those that
 *     they allow
 * @param filters byte of the step's input, {@value #FILTER_BYTES} a row, if any row has one
 */
record DrawInput(long draws, long idLists, long filters) {
  /** The size of one draw. */
  static final int BYTES = 48;

  /** The size of one filter. */
  static final int FILTER_BYTES = 48;

  private static final int NO_LIST = -1;

  private static final RowDraw NOTHING = new RowDraw(Draw.GREEDY, 0);

  /**
   * Puts draws into a step's input.
   *
   * @param padded how many there are to be; the last ones draw nothing
   * @param ids of the vocabulary
   * @param filtered whether filters are put in too
   */
  static DrawInput of(List<RowDraw> draws, int padded, int ids, boolean filtered, StepInput input) {
    long at = input.reserve((long) BYTES * padded);
    long filters = filtered ? input.reserve((long) FILTER_BYTES * padded) : 0;
    IdLists lists = new IdLists(ids);
    for (int i = 0; i < padded; i++) {
      RowDraw how = i < draws.size() ? draws.get(i) : NOTHING;
      Draw draw = how.draw();
      boolean whole = draw.filter().isEmpty();
      long row = at + (long) BYTES * i;
      input.setDouble(row, whole ? draw.temperature() : Math.signum(draw.temperature()));
      input.setLong(row + 8, draw.seed());
      input.setInt(row + 16, draw.step());
      input.setInt(row + 20, how.position());
      putLists(draw, whole, lists, input, row + 24);
      int allowed = how.allowed().map(lists::start).orElse(NO_LIST);
      input.setInt(row + 40, whole ? allowed : NO_LIST);
      if (filtered) {
        long filter = filters + (long) FILTER_BYTES * i;
        input.setDouble(filter, temperature(draw));
        input.setDouble(filter + 8, draw.filter().map(SamplingFilter::topP).orElse(1.0));
        input.setInt(filter + 16, draw.filter().map(SamplingFilter::topK).orElse(0));
        putLists(draw, !whole, lists, input, filter + 20);
        input.setInt(filter + 36, topKFirst(draw) ? 1 : 0);
        input.setInt(filter + 40, whole ? NO_LIST : allowed);
      }
    }
    return new DrawInput(at, lists.put(input), filters);
  }

  private static boolean topKFirst(Draw draw) {
    return draw.filter()
        .filter(each -> each.order() == SamplingFilter.Order.TOP_K_FIRST)
        .isPresent();
  }

  /** The number that the logits of a filtered row are divided by. */
  private static double temperature(Draw draw) {
    return draw.temperature() > 0 ? draw.temperature() : 1;
  }

  private static void putLists(Draw draw, boolean wanted, IdLists lists, StepInput input, long at) {
    input.setInt(at, lists.start(draw.undrawn()));
    input.setInt(at + 4, wanted ? draw.undrawn().length : 0);
    input.setInt(at + 8, lists.start(draw.uncounted()));
    input.setInt(at + 12, wanted ? draw.uncounted().length : 0);
  }

  /** Lists and sets of ids one after another; rows that name the same object share it. */
  private static final class IdLists {
    private final int setWords;
    private final List<int[]> lists = new ArrayList<>();
    private final IdentityHashMap<IdSet, Integer> sets = new IdentityHashMap<>();
    private int count;

    IdLists(int ids) {
      setWords = Math.ceilDiv(ids, Integer.SIZE);
    }

    int start(IdSet set) {
      return sets.computeIfAbsent(set, each -> start(words(each)));
    }

    private int[] words(IdSet set) {
      int[] words = new int[setWords];
      Arrays.setAll(words, set::word);
      return words;
    }

    @SuppressWarnings("ReferenceEquality") // the same object for every row of a request
    int start(int[] ids) {
      int start = 0;
      for (int[] each : lists) {
        if (each == ids) {
          return start;
        }
        start += each.length;
      }
      lists.add(ids);
      count += ids.length;
      return start;
    }

    long put(StepInput input) {
      long first = input.reserve((long) Integer.BYTES * RowBuckets.padded(count));
      long at = first;
      for (int[] ids : lists) {
        for (int id : ids) {
          input.setInt(at, id);
          at += Integer.BYTES;
        }
      }
      return first;
    }
  }
}
