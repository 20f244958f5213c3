package dev.palimpsest.lab.battery;

import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.CellState;
import dev.palimpsest.sampler.canvas.Cursor;
import dev.palimpsest.sampler.intervention.CanvasTransform;
import dev.palimpsest.sampler.intervention.Change;
import dev.palimpsest.sampler.intervention.Language;
import dev.palimpsest.sampler.intervention.StepContext;
import java.util.Arrays;
import java.util.Optional;
import java.util.OptionalInt;

/** A canvas that is being prepared for a generation of the battery. */
public final class Draft {
  private final Language language;
  private final long seed;
  private CanvasImage canvas;
  private int written;

  /**
   * A draft that begins as a canvas.
   *
   * @param seed of what transforms choose at random
   */
  Draft(CanvasImage canvas, long seed, Language language) {
    this.canvas = canvas;
    this.seed = seed;
    this.language = language;
  }

  /**
   * Lets a transform act on it.
   *
   * @param draw another number chooses otherwise
   */
  public Draft change(CanvasTransform transform, int draw) {
    StepContext context =
        new StepContext(canvas, Optional.empty(), Cursor.START, draw, false, seed, language);
    Optional<Change> change = transform.change(context);
    if (change.isPresent()) {
      written += change.get().writes().size();
      canvas = change.get().applyTo(canvas, language.specials().maskId());
    }
    return this;
  }

  /** Tokens that transforms have written so far. */
  public int written() {
    return written;
  }

  /** Masks positions, whatever stands there: they are to be written. */
  public Draft mask(int... positions) {
    return set(CellState.MASKED, mask(), positions);
  }

  /** Keeps positions as they are. */
  public Draft fix(int... positions) {
    return set(CellState.FIXED, OptionalInt.empty(), positions);
  }

  /** Hides positions for good: the model reads masks there, and nothing writes them. */
  public Draft hide(int... positions) {
    return set(CellState.FIXED, mask(), positions);
  }

  /** Fills positions with the end of a text for good, if the model has one. */
  Draft end(int... positions) {
    return language.specials().hasEos()
        ? set(CellState.FIXED, OptionalInt.of(language.specials().eosId()), positions)
        : this;
  }

  private Draft set(CellState state, OptionalInt id, int... positions) {
    int[] ids = canvas.ids();
    CellState[] states = canvas.states();
    for (int position : positions) {
      states[position] = state;
      if (id.isPresent()) {
        ids[position] = id.getAsInt();
      }
    }
    canvas = CanvasImage.of(ids, states, canvas.promptLength());
    return this;
  }

  private OptionalInt mask() {
    return OptionalInt.of(language.specials().maskId());
  }

  /** Keeps everything that is filled as it is. */
  public Draft fixRest() {
    return fix(canvas.positions(CellState.COMMITTED, canvas.promptLength(), canvas.length()));
  }

  /** Masks everything from a position on. */
  public Draft maskFrom(int position) {
    int[] behind = new int[canvas.length() - position];
    Arrays.setAll(behind, index -> position + index);
    return mask(behind);
  }

  /** The canvas as it is now. */
  public CanvasImage canvas() {
    return canvas;
  }
}
