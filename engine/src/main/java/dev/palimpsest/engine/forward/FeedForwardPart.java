package dev.palimpsest.engine.forward;

import dev.palimpsest.engine.backend.Activation;
import dev.palimpsest.engine.backend.Backend;
import dev.palimpsest.engine.backend.Weight;
import dev.palimpsest.engine.model.Experts;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.engine.probe.Point;

/** The part of a block that is every token's own: a dense feed-forward, experts, or both. */
final class FeedForwardPart {
  private final ModelSpec spec;
  private final Backend backend;
  private final Weights weights;

  FeedForwardPart(ModelSpec spec, Backend backend, Weights weights) {
    this.spec = spec;
    this.backend = backend;
    this.weights = weights;
  }

  /**
   * Adds to the residual stream, and scales it where the model does.
   *
   * @param kinds of the rows
   */
  void run(int block, Activation x, int[] kinds, StepMemory memory, Hooks hooks) {
    Weights.Layer layer = weights.layers().get(block);
    if (layer.branches().isPresent()) {
      addBranches(block, layer.branches().get(), x, memory, hooks);
    } else {
      add(block, x, memory, hooks);
    }
    if (layer.scalars().isPresent()) {
      hooks.added(Point.MLP_OUT, block, x);
      backend.scale(x, layer.scalars().get(), kinds);
    }
    hooks.at(Point.RESID_POST, block, x);
  }

  private void add(int block, Activation x, StepMemory memory, Hooks hooks) {
    Weights.Layer layer = weights.layers().get(block);
    Activation normed = memory.normed();
    backend.rmsNorm(x, layer.feedForwardNorm(), spec.normEpsilon(), normed);
    if (layer.dense().isPresent()) {
      Weights.Dense dense = layer.dense().get();
      Activation activated = activated(normed, dense, memory);
      hooks.product(Point.MLP_OUT, block, activated, dense.down());
      layer
          .feedForwardAfter()
          .ifPresentOrElse(
              gain -> {
                backend.linear(activated, dense.down(), 0, memory.first());
                backend.addRmsNorm(memory.first(), gain, spec.normEpsilon(), x);
              },
              () -> backend.addLinear(activated, dense.down(), x));
    }
    if (layer.sparse().isPresent()) {
      Weights.Sparse sparse = layer.sparse().get();
      backend.addExperts(
          normed, sparse.router(), experts(block), sparse.experts(), memory.outputs(), x);
    }
  }

  /**
   * Experts and what stands beside them, each between norms of its own; and a norm of their sum.
   */
  private void addBranches(
      int block, Weights.BranchNorms norms, Activation x, StepMemory memory, Hooks hooks) {
    Weights.Layer layer = weights.layers().get(block);
    Weights.Sparse sparse = layer.sparse().orElseThrow();
    double epsilon = spec.normEpsilon();
    Activation normed = memory.normed();
    Activation sum = memory.first();
    Activation given = memory.second();
    Weight routerNorm = sparse.routerNorm().orElse(norms.beforeExperts());
    backend.rmsNorm(x, norms.beforeExperts(), epsilon, sum);
    backend.rmsNorm(x, routerNorm, epsilon, normed);
    backend.experts(
        normed, sum, sparse.router(), experts(block), sparse.experts(), memory.outputs(), given);
    backend.rmsNorm(given, norms.afterExperts(), epsilon, sum);
    if (layer.dense().isPresent()) {
      Weights.Dense shared = layer.dense().get();
      backend.rmsNorm(x, layer.feedForwardNorm(), epsilon, normed);
      Activation activated = activated(normed, shared, memory);
      hooks.product(Point.MLP_OUT, block, activated, shared.down());
      backend.linear(activated, shared.down(), 0, given);
      backend.addRmsNorm(given, norms.afterShared(), epsilon, sum);
    }
    backend.addRmsNorm(sum, layer.feedForwardAfter().orElseThrow(), epsilon, x);
  }

  private Activation activated(Activation normed, Weights.Dense dense, StepMemory memory) {
    return dense.activated(normed, spec.feedForward().gate(), backend, memory);
  }

  private Experts experts(int block) {
    return spec.feedForward().experts(block).orElseThrow();
  }
}
