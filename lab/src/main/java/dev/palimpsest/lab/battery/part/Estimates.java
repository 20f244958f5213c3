package dev.palimpsest.lab.battery.part;

import dev.palimpsest.lab.battery.Solution;
import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.trace.Trace;
import dev.palimpsest.step.Prediction;
import java.util.Optional;

/** Texts that are not finished. */
final class Estimates {
  private static final String UNKNOWN = "\uFFFC";

  private Estimates() {}

  /**
   * The text that a step read, every mask filled by what the step was told of it, up to its end.
   */
  static String text(Solution solution, Trace trace, int step) {
    CanvasImage canvas = trace.canvasBefore(step);
    StringBuilder text = new StringBuilder();
    for (int position = canvas.promptLength(); position < canvas.length(); position++) {
      int at = position;
      Optional<Integer> id =
          canvas.state(position).isOpen()
              ? trace.step(step).asked().flatMap(each -> each.at(at)).map(Prediction::token)
              : Optional.of(canvas.id(position));
      if (id.isPresent() && solution.subject().language().specials().isStop(id.get())) {
        break;
      }
      text.append(id.map(solution.subject().language()::piece).orElse(UNKNOWN));
    }
    return text.toString();
  }

  /** The text on a canvas up to its end, with {@code U+FFFC} for every mask. */
  static String written(Solution solution, CanvasImage canvas) {
    StringBuilder text = new StringBuilder();
    for (int position = canvas.promptLength(); position < canvas.length(); position++) {
      boolean masked = canvas.state(position).isOpen();
      if (!masked && solution.subject().language().specials().isStop(canvas.id(position))) {
        break;
      }
      text.append(masked ? UNKNOWN : solution.subject().language().piece(canvas.id(position)));
    }
    return text.toString();
  }
}
