package dev.palimpsest.api;

import static dev.palimpsest.engine.model.Circuit.Elementwise.ADD;
import static dev.palimpsest.engine.model.Circuit.Elementwise.COMPARE;
import static dev.palimpsest.engine.model.Circuit.Elementwise.DIVIDE;
import static dev.palimpsest.engine.model.Circuit.Elementwise.EXP;
import static dev.palimpsest.engine.model.Circuit.Elementwise.MULTIPLY;
import static dev.palimpsest.engine.model.Circuit.Elementwise.SELECT;
import static dev.palimpsest.engine.model.Circuit.branches;
import static dev.palimpsest.engine.model.Circuit.chain;
import static dev.palimpsest.engine.model.Circuit.dot;
import static dev.palimpsest.engine.model.Circuit.ranking;
import static dev.palimpsest.engine.model.Circuit.softmax;
import static dev.palimpsest.engine.model.Circuit.sum;

import dev.palimpsest.engine.model.Circuit;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.engine.model.TransformerCircuit;
import dev.palimpsest.sampler.method.DecodeOptions;
import dev.palimpsest.sampler.method.IsdOptions;
import dev.palimpsest.sampler.method.SamplingOptions;
import java.util.OptionalInt;

/**
 * What one step computes.
 *
 * @param forward from token ids to logits
 * @param logits the same, guided where a model can be
 * @param tokens from logits to what is written, with all that any sampler of the model may do
 * @param embeddings from logits to what the next step is told where more than tokens pass
 */
record StepCircuit(Circuit forward, Circuit logits, Circuit tokens, Circuit embeddings) {

  static StepCircuit of(ModelSpec spec, SamplingOptions options, int promptLength) {
    int positions = options.positions(promptLength);
    TransformerCircuit model = new TransformerCircuit(spec, Math.addExact(promptLength, positions));
    boolean causal = options instanceof DecodeOptions || options instanceof IsdOptions;
    return new StepCircuit(
        model.forward(),
        causal ? model.forward() : chain(model.forward(), model.guidance()),
        causal ? model.draw() : chain(model.prediction(), choiceOfPositions(positions)),
        embeddings(spec, options.alternativesHandedOn()));
  }

  /** From token ids to what is written. */
  Circuit whole() {
    return chain(logits, tokens);
  }

  /** From token ids to what the next step is told beside what is written. */
  Circuit told() {
    return chain(logits, embeddings);
  }

  /** Weighted by probability: all embeddings, or those of the few most probable ids. */
  private static Circuit embeddings(ModelSpec spec, OptionalInt few) {
    Circuit probabilities = chain(DIVIDE, softmax(spec.vocabulary()));
    if (few.isEmpty()) {
      return chain(probabilities, dot(spec.vocabulary()));
    }
    int count = few.getAsInt();
    return chain(probabilities, ranking(spec.vocabulary()), sum(count), DIVIDE, dot(count));
  }

  /** From the predictions of so many positions to those that are written. */
  private static Circuit choiceOfPositions(int positions) {
    Circuit ranked = chain(DIVIDE, ADD, ranking(positions));
    Circuit withinBound = chain(ranking(positions), sum(positions), COMPARE);
    Circuit maskedAgain = chain(EXP, sum(positions), DIVIDE, MULTIPLY, COMPARE);
    return chain(branches(ranked, withinBound, maskedAgain), SELECT);
  }
}
