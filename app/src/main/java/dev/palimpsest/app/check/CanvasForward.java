package dev.palimpsest.app.check;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.palimpsest.engine.checkpoint.Tensor;
import dev.palimpsest.engine.forward.Conditioning;
import dev.palimpsest.engine.forward.SoftAlternatives;
import dev.palimpsest.engine.forward.SoftSignal;
import dev.palimpsest.engine.forward.Transformer;
import dev.palimpsest.step.Draw;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import dev.palimpsest.step.SamplingFilter;
import dev.palimpsest.step.SoftQuery;
import dev.palimpsest.step.SoftState;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * Steps of canvases behind prompts, each of a given canvas that is told of the step before: the
 * logits, their entropies at a temperature, and the positions that a bound of entropy accepts.
 *
 * @param transformer that runs them
 * @param temperature of entropies and of what is told
 * @param entropyBound of what is accepted
 */
record CanvasForward(Transformer transformer, double temperature, double entropyBound) {

  /**
   * What a step is to come to.
   *
   * @param canvas ids
   * @param told {@code none}, {@code soft} or {@code top1}
   * @param logits of all canvases
   * @param entropy of all canvases
   * @param accepted 1 at accepted positions
   */
  record Step(int[][] canvas, String told, Tensor logits, Tensor entropy, int[][] accepted) {
    int width() {
      return logits.shape().getLast().intValue();
    }

    double logit(int row, int id) {
      return logits.data().get(JAVA_FLOAT_UNALIGNED, 4 * ((long) row * width() + id));
    }

    /** The softmax of some rows of logits over a temperature. */
    float[] probabilities(int first, int count, double temperature) {
      float[] all = new float[count * width()];
      for (int row = 0; row < count; row++) {
        double top = logit(first + row, argmax(first + row));
        double sum = 0;
        for (int id = 0; id < width(); id++) {
          sum += StrictMath.exp((logit(first + row, id) - top) / temperature);
        }
        for (int id = 0; id < width(); id++) {
          double share = StrictMath.exp((logit(first + row, id) - top) / temperature) / sum;
          all[row * width() + id] = (float) share;
        }
      }
      return all;
    }

    int argmax(int row) {
      int best = 0;
      for (int id = 1; id < width(); id++) {
        best = logit(row, id) > logit(row, best) ? id : best;
      }
      return best;
    }
  }

  /**
   * How far a canvas came out as recorded.
   *
   * @param difference sum of squares of differences of logits
   * @param magnitude sum of squares of recorded logits
   * @param entropy the largest difference of an entropy
   * @param accepts whether the same positions are accepted
   */
  record Outcome(double difference, double magnitude, double entropy, boolean accepts) {}

  /** Runs all steps of one canvas. */
  List<Outcome> run(int[] prompt, List<Step> steps, int number, Bits bits) {
    try (SoftSignal signal = transformer.open()) {
      return IntStream.range(0, steps.size())
          .mapToObj(
              i ->
                  run(
                      prompt,
                      steps.get(i),
                      number,
                      told(steps.get(i), i == 0 ? steps.get(i) : steps.get(i - 1), number, signal),
                      bits))
          .toList();
    }
  }

  private Conditioning told(Step step, Step before, int number, SoftSignal signal) {
    int length = before.canvas()[number].length;
    return switch (step.told()) {
      case "none" -> new Conditioning.None();
      case "soft" -> {
        transformer.write(signal, before.probabilities(number * length, length, temperature));
        yield new Conditioning.Soft(signal);
      }
      case "top1" ->
          new Conditioning.Tokens(
              IntStream.range(0, length).map(i -> before.argmax(number * length + i)).toArray());
      default ->
          throw new IllegalArgumentException(
              "a canvas is told %s; none, soft and top1 are verified".formatted(step.told()));
    };
  }

  private Outcome run(int[] prompt, Step step, int number, Conditioning told, Bits bits) {
    int[] canvas = step.canvas()[number];
    int[] tokens = Arrays.copyOf(prompt, prompt.length + canvas.length);
    System.arraycopy(canvas, 0, tokens, prompt.length, canvas.length);
    Draw draw =
        new Draw(temperature, Optional.of(SamplingFilter.ALL), 0, 0, new int[0], new int[0]);
    Query query =
        new Query(
            tokens,
            0,
            IntStream.range(prompt.length, tokens.length).toArray(),
            prompt.length,
            draw,
            Optional.empty());
    float[] computed = transformer.logits(query, told);
    bits.add(computed);
    List<Prediction> predictions =
        (switch (told) {
              case Conditioning.None _ -> transformer.predict(List.of(query));
              case Conditioning.Tokens(int[] ids) ->
                  transformer.predict(List.of(query.telling(ids)));
              case Conditioning.Alternatives(SoftAlternatives few) -> softly(query, few);
              case Conditioning.Soft(SoftSignal signal) -> softly(query, signal);
            })
            .getFirst();
    double difference = 0;
    double magnitude = 0;
    double entropy = 0;
    for (int i = 0; i < canvas.length; i++) {
      int row = number * canvas.length + i;
      for (int id = 0; id < step.width(); id++) {
        double recorded = step.logit(row, id);
        double off = computed[i * step.width() + id] - recorded;
        difference += off * off;
        magnitude += recorded * recorded;
      }
      double expected = step.entropy().data().get(JAVA_FLOAT_UNALIGNED, 4L * row);
      entropy = Math.max(entropy, Math.abs(predictions.get(i).entropy() - expected));
    }
    return new Outcome(
        difference,
        magnitude,
        entropy,
        Arrays.equals(accepted(predictions), step.accepted()[number]));
  }

  private List<List<Prediction>> softly(Query query, SoftState told) {
    SoftQuery.Carried carried = new SoftQuery.Carried(told, true);
    return transformer.predictSoftly(List.of(new SoftQuery(query, Optional.of(carried))));
  }

  /** 1 at every position before which, by entropy, the bound is not yet reached. */
  private int[] accepted(List<Prediction> predictions) {
    int[] accepted = new int[predictions.size()];
    double before = 0;
    for (int i :
        IntStream.range(0, accepted.length)
            .boxed()
            .sorted((a, b) -> Double.compare(entropy(predictions, a), entropy(predictions, b)))
            .mapToInt(Integer::intValue)
            .toArray()) {
      accepted[i] = before <= entropyBound ? 1 : 0;
      before += entropy(predictions, i);
    }
    return accepted;
  }

  private static double entropy(List<Prediction> predictions, int i) {
    return predictions.get(i).entropy();
  }
}
