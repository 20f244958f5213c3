package dev.palimpsest.engine.backend;

import dev.palimpsest.step.Draw;
import dev.palimpsest.step.IdSet;
import java.util.Optional;

/**
 * How the token of one row is drawn.
 *
 * @param draw temperature, seed and banned ids
 * @param position the row's position in its sequence, part of the random key
 * @param allowed if present, the logits of all other ids are as if they were minus infinity
 */
public record RowDraw(Draw draw, int position, Optional<IdSet> allowed) {
  /** A draw from all ids. */
  public RowDraw(Draw draw, int position) {
    this(draw, position, Optional.empty());
  }
}
