package dev.palimpsest.lab.study;

import dev.palimpsest.sampler.canvas.CellState;
import dev.palimpsest.sampler.intervention.CanvasTransform;
import dev.palimpsest.sampler.intervention.Change;
import dev.palimpsest.sampler.intervention.StepContext;
import java.util.Comparator;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.IntStream;

/**
 * The control of a corrupted digit: one filled position that is no digit of the reasoning, and does
 * not belong to the answer, gets a digit at random. It disturbs the canvas as much, and changes no
 * number of the reasoning.
 *
 * @param reasoningTo the end of the reasoning, exclusive, counted from the end of the prompt
 * @param from the first position behind the answer that may be taken
 */
record ControlDigit(int reasoningTo, int from) implements CanvasTransform {
  @Override
  public String name() {
    return "elsewhere";
  }

  @Override
  public Optional<Change> change(StepContext context) {
    int prompt = context.canvas().promptLength();
    Optional<Integer> chosen =
        IntStream.range(prompt, context.canvas().length())
            .filter(position -> context.canvas().state(position) == CellState.COMMITTED)
            .filter(position -> position - prompt < reasoningTo || position - prompt >= from)
            .filter(position -> !context.piece(position).matches("[0-9]"))
            .boxed()
            .min(Comparator.comparingDouble(position -> context.uniform(position, 0)));
    if (chosen.isEmpty()) {
      return Optional.empty();
    }
    int position = chosen.get();
    OptionalInt digit =
        context.language().id(String.valueOf((int) (10 * context.uniform(position, 1))));
    return digit.isPresent()
        ? Optional.of(Change.write("a digit elsewhere", Map.of(position, digit.getAsInt())))
        : Optional.empty();
  }
}
