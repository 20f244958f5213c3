package dev.palimpsest.engine.backend.cuda;

import dev.palimpsest.engine.Draw;
import dev.palimpsest.engine.backend.RowDraw;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

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
    Map<int[], Integer> starts = new IdentityHashMap<>();
    int listed = 0;
    for (int i = 0; i < padded; i++) {
      long row = at + (long) BYTES * i;
      RowDraw how = i < draws.size() ? draws.get(i) : new RowDraw(Draw.GREEDY, 0);
      Draw draw = how.draw();
      for (int[] ids : List.of(draw.undrawn(), draw.uncounted())) {
        if (starts.putIfAbsent(ids, listed) == null) {
          listed += ids.length;
        }
      }
      input.setDouble(row, draw.temperature());
      input.setLong(row + 8, draw.seed());
      input.setInt(row + 16, draw.step());
      input.setInt(row + 20, how.position());
      input.setInt(row + 24, starts.get(draw.undrawn()));
      input.setInt(row + 28, draw.undrawn().length);
      input.setInt(row + 32, starts.get(draw.uncounted()));
      input.setInt(row + 36, draw.uncounted().length);
    }
    long lists = input.reserve((long) Integer.BYTES * RowBuckets.padded(listed));
    starts.forEach(
        (ids, start) -> {
          for (int i = 0; i < ids.length; i++) {
            input.setInt(lists + 4L * (start + i), ids[i]);
          }
        });
    return new DrawInput(at, lists);
  }
}
