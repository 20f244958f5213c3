package dev.palimpsest.engine.forward;

import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import dev.palimpsest.step.SoftQuery;
import java.util.Arrays;
import java.util.List;
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
    Query query = soft.query();
    return switch (carried.state()) {
      case SoftSignal signal ->
          new CanvasQuery(
              query,
              carried.told() ? new Conditioning.Soft(signal) : new Conditioning.None(),
              Optional.of(new Written.Signal(signal, query.draw().temperature())));
      case SoftAlternatives all ->
          new CanvasQuery(
              query,
              carried.told() ? new Conditioning.Alternatives(all) : new Conditioning.None(),
              Optional.of(new Written.Alternatives(all)));
      default ->
          throw new IllegalArgumentException(
              "a canvas is told what another kind of model has left");
    };
  }

  /** Whether the embeddings of all ids are written down, weighed. */
  boolean writesSignal() {
    return written.isPresent() && written.get() instanceof Written.Signal;
  }

  /** What the model is asked: where its most probable ids are written down, it names them. */
  Query asked() {
    return written.isPresent() && written.get() instanceof Written.Alternatives(var all)
        ? query.naming(Math.max(query.draw().alternatives(), all.each()))
        : query;
  }

  /**
   * Writes down what the predictions say, where their alternatives are written down.
   *
   * @return the predictions, with as many alternatives as the query asks for
   */
  List<Prediction> leave(List<Prediction> predictions) {
    if (!(written.isPresent() && written.get() instanceof Written.Alternatives(var all))) {
      return predictions;
    }
    all.write(predictions);
    int named = query.draw().alternatives();
    return predictions.stream()
        .map(each -> each.with(each.alternatives().stream().limit(named).toList()))
        .toList();
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
          && (!Arrays.equals(query.rows(), all) || all.length != written.get().positions())) {
        throw new IllegalArgumentException(
            "a step over %d tokens asks for %d rows and is to write down what the next is told: it has to ask for the %d of the canvas"
                .formatted(length, query.rows().length, written.get().positions()));
      }
    }
  }

  /**
   * What is written down at the end of a step, which asks for every position of the canvas then.
   * What its place held is read before.
   */
  public sealed interface Written {
    /** Positions that there is room for. */
    int positions();

    /**
     * The embeddings of all ids, weighed.
     *
     * @param signal receives it
     * @param temperature that logits are divided by, above 0
     */
    record Signal(SoftSignal signal, double temperature) implements Written {
      @Override
      public int positions() {
        return signal.rows().slots();
      }
    }

    /**
     * The most probable ids of every position, and their probabilities as the predictions have
     * them: of a draw with a filter, at its temperature.
     *
     * @param all receives them
     */
    record Alternatives(SoftAlternatives all) implements Written {
      @Override
      public int positions() {
        return all.positions();
      }
    }
  }
}
