package dev.palimpsest.engine.backend.cuda;

import dev.palimpsest.engine.Draw;
import dev.palimpsest.engine.backend.RowDraw;
import java.util.ArrayList;
import java.util.List;

/**
 * The draws of a step as the vocabulary kernels read them.
 *
 * @param draws byte of the step's input, {@value #BYTES} a row
 * @param idLists byte of the step's input: the ids that draws leave out
 */
record DrawInput(long draws, long idLists) {
  /** The size of one draw. */
  static final int BYTES = 40;

  /**
   * Puts draws into a step's input.
   *
   * @param padded how many there are to be; the last ones draw nothing
   */
  static DrawInput of(List<RowDraw> draws, int padded, StepInput input) {
    long at = input.reserve((long) BYTES * padded);
    IdLists lists = new IdLists();
    for (int i = 0; i < padded; i++) {
      long row = at + (long) BYTES * i;
      RowDraw how = i < draws.size() ? draws.get(i) : new RowDraw(Draw.GREEDY, 0);
      Draw draw = how.draw();
      input.setDouble(row, draw.temperature());
      input.setLong(row + 8, draw.seed());
      input.setInt(row + 16, draw.step());
      input.setInt(row + 20, how.position());
      input.setInt(row + 24, lists.start(draw.undrawn()));
      input.setInt(row + 28, draw.undrawn().length);
      input.setInt(row + 32, lists.start(draw.uncounted()));
      input.setInt(row + 36, draw.uncounted().length);
    }
    return new DrawInput(at, lists.put(input));
  }

  /** Lists of ids one after another; the rows of a request share theirs. */
  private static final class IdLists {
    private final List<int[]> lists = new ArrayList<>();
    private int count;

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
