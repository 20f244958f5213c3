package dev.palimpsest.app.lens;

import dev.palimpsest.sampler.trace.Trace;
import dev.palimpsest.sampler.trace.TraceException;
import dev.palimpsest.step.Query;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * The steps of a trace that asked the model something, each with its question.
 *
 * @param trace whose steps are the model's own
 * @param asked in their order
 */
record TraceSteps(Trace trace, List<Asked> asked) {
  /** A step by its index, and what it asked of the canvas that it saw. */
  record Asked(int step, Query query) {}

  /**
   * Reads traces that one model made with one block length.
   *
   * @throws TraceException if there is none, or one is another model's, or was changed inside
   */
  static List<TraceSteps> read(List<Path> files) {
    List<TraceSteps> all = new ArrayList<>();
    for (Path file : files) {
      Trace trace = Trace.readWhole(file);
      trace.requireOwnSteps("they cannot be read");
      if (!all.isEmpty() && !isOfOneModel(trace, all.getFirst().trace())) {
        throw new TraceException(
            "%s and %s are of two models, or of two block lengths: give traces of one."
                .formatted(all.getFirst().trace().name(), trace.name()));
      }
      all.add(of(trace));
    }
    if (all.isEmpty()) {
      throw new TraceException("there is no trace among what was given.");
    }
    return all;
  }

  private static boolean isOfOneModel(Trace one, Trace other) {
    return one.header().model().sha256().equals(other.header().model().sha256())
        && Objects.equals(
            one.header().options().get("block_length"),
            other.header().options().get("block_length"));
  }

  private static TraceSteps of(Trace trace) {
    List<Asked> asked = new ArrayList<>();
    for (int step = 0; step < trace.steps(); step++) {
      Query query =
          trace
              .optionsBefore(step)
              .sampler(trace.header().specials())
              .ask(trace.canvasBefore(step), trace.cursorBefore(step));
      if (query.sequences() > 0) {
        asked.add(new Asked(step, query));
      }
    }
    return new TraceSteps(trace, asked);
  }
}
