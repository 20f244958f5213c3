package dev.palimpsest.engine.forward;

import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.step.Query;
import dev.palimpsest.step.SoftQuery;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * What a canvas asks of a step.
 *
 * @param query whose last tokens are the canvas
 * @param told what the canvas is told of the step before
 * @param written what of this step may be told to the next, if anything
 */
public record CanvasQuery(Query query, Conditioning told, Optional<Written> written) {
  /** A step that hands nothing on but its predictions. */
  public CanvasQuery(Query query, Conditioning told) {
    this(query, told, Optional.empty());
  }

  /** A step that is told ids, or nothing, and hands nothing on but its predictions. */
  static CanvasQuery ofTokens(Query query) {
    Conditioning told =
        query.told().length == 0 ? new Conditioning.None() : new Conditioning.Tokens(query.told());
    return new CanvasQuery(query, told, Optional.empty());
  }

  /** A step that may be told more than tokens, and may hand it on. */
  static CanvasQuery of(SoftQuery soft) {
    if (soft.carried().isEmpty()) {
      return ofTokens(soft.query());
    }
    SoftQuery.Carried carried = soft.carried().get();
    if (!(carried.state() instanceof SoftSignal signal)) {
      throw new IllegalArgumentException("a canvas is told what another kind of model has left");
    }
    return new CanvasQuery(
        soft.query(),
        carried.told() ? new Conditioning.Soft(signal) : new Conditioning.None(),
        Optional.of(new Written(signal, soft.query().draw().temperature())));
  }

  /**
   * Refuses what a model has no room for.
   *
   * @throws IllegalArgumentException if nothing can be told, or not all of a canvas is asked for
   */
  void check(ModelSpec spec) {
    if (!(told instanceof Conditioning.None) || written.isPresent()) {
      int length = query.tokens().length;
      int start = spec.canvas().map(each -> each.start(length)).orElse(length);
      if (start == length) {
        throw new IllegalArgumentException(
            "a canvas is told something in a %s model, which has none".formatted(spec.family()));
      }
      if (query.guidance().isPresent()) {
        throw new IllegalArgumentException(
            "a canvas is guided and told something of the step before: its unconditional half would be told nothing, so one of the two has to go");
      }
      int[] all = IntStream.range(start, length).toArray();
      if (written.isPresent()
          && (!Arrays.equals(query.rows(), all)
              || all.length != written.get().signal().rows().slots())) {
        throw new IllegalArgumentException(
            "a step over %d tokens asks for %d rows and is to write down what the next is told: it has to ask for the %d of the canvas"
                .formatted(length, query.rows().length, written.get().signal().rows().slots()));
      }
    }
  }

  /**
   * What is written down at the end of a step, which asks for every position of the canvas then.
   *
   * @param signal receives it; what it held is read before
   * @param temperature that logits are divided by, above 0
   */
  public record Written(SoftSignal signal, double temperature) {}
}
