package dev.palimpsest.engine.model;

import static dev.palimpsest.engine.model.Circuit.Elementwise.ADD;
import static dev.palimpsest.engine.model.Circuit.Elementwise.COMPARE;
import static dev.palimpsest.engine.model.Circuit.Elementwise.DIVIDE;
import static dev.palimpsest.engine.model.Circuit.Elementwise.EXP;
import static dev.palimpsest.engine.model.Circuit.Elementwise.LOGISTIC;
import static dev.palimpsest.engine.model.Circuit.Elementwise.MAXIMUM;
import static dev.palimpsest.engine.model.Circuit.Elementwise.MULTIPLY;
import static dev.palimpsest.engine.model.Circuit.Elementwise.SELECT;
import static dev.palimpsest.engine.model.Circuit.Elementwise.SUBTRACT;
import static dev.palimpsest.engine.model.Circuit.Elementwise.TANH;
import static dev.palimpsest.engine.model.Circuit.Movement.GATHER;
import static dev.palimpsest.engine.model.Circuit.Movement.PASS;
import static dev.palimpsest.engine.model.Circuit.branches;
import static dev.palimpsest.engine.model.Circuit.chain;
import static dev.palimpsest.engine.model.Circuit.dot;
import static dev.palimpsest.engine.model.Circuit.highest;
import static dev.palimpsest.engine.model.Circuit.ranking;
import static dev.palimpsest.engine.model.Circuit.rmsNorm;
import static dev.palimpsest.engine.model.Circuit.softmax;
import static dev.palimpsest.engine.model.Circuit.sum;

import java.util.ArrayList;
import java.util.List;

/**
 * What one forward computes, operation by operation in the order of {@code engine.forward}, in f32:
 * a conversion to bf16 and back, which native bf16 has around its products, is not counted.
 *
 * @param spec the model
 * @param length tokens of the sequence, all of which the last one sees where no window hides them
 */
public record TransformerCircuit(ModelSpec spec, int length) {

  /** From token ids to the logits of a position. */
  public Circuit forward() {
    List<Circuit> links = new ArrayList<>();
    links.add(GATHER);
    links.add(spec.stream().embeddingScale() == 1 ? PASS : MULTIPLY);
    spec.canvas().ifPresent(each -> links.add(conditioning(each)));
    for (int layer = 0; layer < spec.layers(); layer++) {
      links.add(residual(chain(attention(spec.attention(layer)), after())));
      links.add(feedForward(layer));
      links.add(spec.stream().layerScalars() ? MULTIPLY : PASS);
    }
    links.add(rmsNorm(spec.hidden()));
    links.add(dot(spec.hidden()));
    links.add(spec.reading().logitCap().isPresent() ? chain(DIVIDE, TANH, MULTIPLY) : PASS);
    return new Circuit.Chain(links);
  }

  /** What a canvas is told, in ids, is embedded beside its own. */
  private Circuit conditioning(Canvas canvas) {
    Circuit told =
        chain(
            rmsNorm(spec.hidden()),
            gated(canvas.selfConditioningWidth(), spec.feedForward().gate()));
    return chain(branches(PASS, told), ADD, rmsNorm(spec.hidden()));
  }

  /** The norm of what a block adds to the residual stream. */
  private Circuit after() {
    return spec.stream().norms().areAfter() ? rmsNorm(spec.hidden()) : PASS;
  }

  /** Classifier-free guidance, of two forwards side by side. */
  public Circuit guidance() {
    return chain(SUBTRACT, MULTIPLY, ADD);
  }

  /** From logits to a drawn id: the argmax of what the cuts leave, with noise. */
  public Circuit draw() {
    return chain(cuts(), ADD, highest(spec.vocabulary()));
  }

  /** From logits to everything that a prediction says: the id, probabilities, the entropy. */
  public Circuit prediction() {
    Circuit sums = chain(cuts(), highest(spec.vocabulary()), SUBTRACT, EXP, dot(spec.vocabulary()));
    Circuit token = chain(draw(), GATHER, SUBTRACT, EXP);
    Circuit probability = chain(branches(token, sums), DIVIDE);
    Circuit entropy = chain(sums, DIVIDE, SUBTRACT, MAXIMUM);
    return branches(probability, entropy);
  }

  /** A repetition penalty, the temperature, and what top k, nucleus and {@code min_p} leave. */
  private Circuit cuts() {
    Circuit penalty = chain(branches(MULTIPLY, DIVIDE, COMPARE), SELECT);
    Circuit nucleus = chain(SUBTRACT, EXP, sum(spec.vocabulary()), MULTIPLY, COMPARE);
    return chain(penalty, DIVIDE, ranking(spec.vocabulary()), nucleus, SELECT);
  }

  private static Circuit residual(Circuit block) {
    return chain(branches(PASS, block), ADD);
  }

  private Circuit attention(Attention attention) {
    int window =
        spec.canvas().isPresent() ? spec.canvasWindow(attention.window()) : attention.window();
    int seen = Math.min(length, window);
    Circuit bias = attention.projectionBias() ? ADD : PASS;
    Circuit norm = attention.headNorm() ? rmsNorm(attention.headSize()) : PASS;
    Circuit rotation = chain(MULTIPLY, SUBTRACT);
    Circuit keys = chain(dot(spec.hidden()), bias, norm, rotation);
    Circuit queries = chain(keys, MULTIPLY);
    Circuit values =
        chain(
            dot(spec.hidden()),
            bias,
            attention.values().areNormed() ? rmsNorm(attention.headSize()) : PASS);
    Circuit weights = chain(branches(queries, keys), dot(attention.headSize()), softmax(seen));
    return chain(
        rmsNorm(spec.hidden()), branches(weights, values), dot(seen), dot(attention.queryWidth()));
  }

  private Circuit feedForward(int layer) {
    Circuit block =
        spec.feedForward()
            .experts(layer)
            .map(this::mixture)
            .orElseGet(() -> gated(spec.feedForward().width(), spec.feedForward().gate()));
    return residual(chain(rmsNorm(spec.hidden()), block, after()));
  }

  /** {@code (f(x · gate) · (x · up)) · down}. */
  private Circuit gated(int width, Gate function) {
    Circuit gate =
        chain(
            dot(spec.hidden()),
            switch (function) {
              case SILU -> chain(LOGISTIC, MULTIPLY);
              case TANH_GELU ->
                  chain(MULTIPLY, MULTIPLY, MULTIPLY, ADD, MULTIPLY, TANH, ADD, MULTIPLY, MULTIPLY);
            });
    Circuit up = dot(spec.hidden());
    return chain(branches(gate, up), MULTIPLY, dot(width));
  }

  /** The experts that the router chooses, which are computed when it has chosen. */
  private Circuit mixture(Experts experts) {
    boolean isScaled = experts.router() instanceof Router.ScaledSoftmax;
    Circuit scores = dot(spec.hidden());
    Circuit choice = choice(experts);
    Circuit weights = chain(branches(choice, shares(experts)), GATHER, normalized(experts));
    Circuit outputs = chain(choice, GATHER, gated(experts.width(), experts.gate()));
    Circuit chosen =
        chain(
            scores,
            branches(chain(weights, isScaled ? MULTIPLY : PASS), outputs),
            dot(experts.perToken()),
            after());
    Circuit shared =
        experts.sharedWidth() > 0
            ? chain(gated(experts.sharedWidth(), spec.feedForward().gate()), after(), ADD)
            : PASS;
    return branches(spec.stream().norms().areAfter() ? chain(chosen, ADD) : chosen, shared);
  }

  /** From scores to the chosen experts. */
  private static Circuit choice(Experts experts) {
    return switch (experts.router()) {
      case Router.Softmax _, Router.ScaledSoftmax _ -> ranking(experts.count());
      case Router.GroupedSigmoid router -> {
        Circuit bias = router.biased() ? ADD : PASS;
        Circuit bestTwo = chain(ranking(experts.count() / router.groups()), ADD);
        Circuit groups = chain(bestTwo, ranking(router.groups()), SELECT);
        yield chain(LOGISTIC, bias, groups, ranking(experts.count()));
      }
    };
  }

  /** From scores to the shares of all experts. */
  private static Circuit shares(Experts experts) {
    return switch (experts.router()) {
      case Router.Softmax _, Router.ScaledSoftmax _ -> softmax(experts.count());
      case Router.GroupedSigmoid _ -> LOGISTIC;
    };
  }

  /** From the shares of the chosen experts to their weights. */
  private static Circuit normalized(Experts experts) {
    return switch (experts.router()) {
      case Router.Softmax router ->
          router.normalized() ? chain(sum(experts.perToken()), DIVIDE, MULTIPLY) : PASS;
      case Router.ScaledSoftmax _ -> chain(sum(experts.perToken()), DIVIDE, MULTIPLY);
      case Router.GroupedSigmoid _ -> chain(sum(experts.perToken()), ADD, DIVIDE, MULTIPLY);
    };
  }
}
