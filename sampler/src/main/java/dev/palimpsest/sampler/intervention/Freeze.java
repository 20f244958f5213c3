package dev.palimpsest.sampler.intervention;

import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.CellState;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Keeps what is filled as it is: whatever the last step replaced or masked again is put back.
 *
 * @param region where
 */
public record Freeze(Region region) implements CanvasTransform {
  @Override
  public String name() {
    return "freeze";
  }

  @Override
  public Optional<Change> change(StepContext context) {
    if (context.before().isEmpty()) {
      return Optional.empty();
    }
    CanvasImage before = context.before().get();
    TreeMap<Integer, Integer> writes = new TreeMap<>();
    for (int position : region.positions(context)) {
      boolean same =
          context.canvas().state(position) == CellState.COMMITTED
              && context.canvas().id(position) == before.id(position);
      if (before.state(position) == CellState.COMMITTED && !same) {
        writes.put(position, before.id(position));
      }
    }
    return writes.isEmpty()
        ? Optional.empty()
        : Optional.of(
            Change.write(
                "%d tokens in %s put back".formatted(writes.size(), region.label()), writes));
  }
}
