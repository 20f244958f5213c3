package dev.palimpsest.engine.forward;

import dev.palimpsest.engine.backend.Activation;
import dev.palimpsest.engine.backend.Weight;
import dev.palimpsest.engine.probe.Point;

/** Is told of every point that a forward passes, between the operations. */
interface Hooks {
  /** Looks at nothing. */
  Hooks NONE = (_, _, _) -> {};

  /** The activations of a point, which are soon overwritten. */
  void at(Point point, int block, Activation x);

  /** A point that the step only adds to the residual stream: it would be {@code x · wᵀ}. */
  default void product(Point point, int block, Activation x, Weight w) {}

  /** The residual stream once a point has been added to it, before it is scaled. */
  default void added(Point point, int block, Activation x) {}

  /** First the one, then the other, which sees what the first has made of it. */
  static Hooks both(Hooks first, Hooks second) {
    return new Hooks() {
      @Override
      public void at(Point point, int block, Activation x) {
        first.at(point, block, x);
        second.at(point, block, x);
      }

      @Override
      public void added(Point point, int block, Activation x) {
        first.added(point, block, x);
        second.added(point, block, x);
      }

      @Override
      public void product(Point point, int block, Activation x, Weight w) {
        first.product(point, block, x, w);
        second.product(point, block, x, w);
      }
    };
  }
}
