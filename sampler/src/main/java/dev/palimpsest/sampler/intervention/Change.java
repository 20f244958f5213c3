package dev.palimpsest.sampler.intervention;

import dev.palimpsest.sampler.canvas.Canvas;
import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.Cursor;
import dev.palimpsest.sampler.canvas.Turn;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What an intervention does to a canvas.
 *
 * @param cause in words
 * @param writes ids by position: a masked position is filled, a committed one replaced
 * @param remasked committed positions to mask again
 * @param stop whether the run is to end here
 */
public record Change(
    String cause, Map<Integer, Integer> writes, List<Integer> remasked, boolean stop) {
  /** Takes its own copies. */
  public Change {
    writes = Collections.unmodifiableMap(new TreeMap<>(writes));
    remasked = List.copyOf(remasked);
  }

  /** The canvas after it. */
  public CanvasImage applyTo(CanvasImage before, int maskId) {
    Canvas canvas = new Canvas(before, maskId);
    canvas.apply(Turn.outside(before, writes, remasked, Cursor.START));
    return canvas.image();
  }

  /** Writes ids. */
  public static Change write(String cause, Map<Integer, Integer> writes) {
    return new Change(cause, writes, List.of(), false);
  }

  /** Masks positions again. */
  public static Change remask(String cause, List<Integer> remasked) {
    return new Change(cause, Map.of(), remasked, false);
  }

  /** Says something in the trace. */
  public static Change flag(String cause) {
    return new Change(cause, Map.of(), List.of(), false);
  }

  /** Ends the run. */
  public static Change stop(String cause) {
    return new Change(cause, Map.of(), List.of(), true);
  }
}
