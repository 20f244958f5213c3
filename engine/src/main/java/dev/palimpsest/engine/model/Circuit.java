package dev.palimpsest.engine.model;

import java.util.Arrays;
import java.util.List;

/**
 * A computation, as far as its serial depth goes: how many operations follow one another, however
 * many are done at once.
 *
 * <p>The rules are those of Brown-Cohen, Lindner and Shah, "Quantifying the Necessity of Chain of
 * Thought through Opaque Serial Depth" (arXiv 2603.09786), as their program (google-deepmind's
 * {@code serial_depth}) has them. A sum counts as the tree it could be, in whatever order it is
 * added up. Weights, tables of positions and random numbers are inputs: they have the depth 0.
 */
public sealed interface Circuit {

  /** Operations on the longest chain from an input to an output. */
  long depth();

  /** Numbers that move and stay what they are. */
  enum Movement implements Circuit {
    /** Looked up by an index. */
    GATHER,
    /** Handed on: split, reshaped, or around a residual block. */
    PASS;

    @Override
    public long depth() {
      return 0;
    }
  }

  /** One operation on every element. */
  enum Elementwise implements Circuit {
    ADD,
    SUBTRACT,
    MULTIPLY,
    DIVIDE,
    MAXIMUM,
    SQUARE,
    RECIPROCAL_ROOT,
    EXP,
    LOGISTIC,
    TANH,
    COMPARE,
    /** One of two, by a condition. */
    SELECT;

    @Override
    public long depth() {
      return 1;
    }
  }

  /**
   * So many terms made one: a sum, running sums, a maximum, an argmax, and the order of the highest
   * ones too, which the rules count alike.
   *
   * @param terms 1 or more
   */
  record Reduction(long terms) implements Circuit {
    /** Checks the number of terms. */
    public Reduction {
      if (terms < 1) {
        throw new IllegalArgumentException(
            "%d terms are reduced; 1 or more can be.".formatted(terms));
      }
    }

    /** ⌈log₂ terms⌉. */
    @Override
    public long depth() {
      return (long) Long.SIZE - Long.numberOfLeadingZeros(terms - 1);
    }
  }

  /** One after the other; of none, what goes in comes out. */
  record Chain(List<Circuit> links) implements Circuit {
    /** Copies the list. */
    public Chain {
      links = List.copyOf(links);
    }

    @Override
    public long depth() {
      return links.stream().mapToLong(Circuit::depth).sum();
    }
  }

  /** Side by side, from the same inputs. */
  record Branches(List<Circuit> branches) implements Circuit {
    /** Copies the list. */
    public Branches {
      branches = List.copyOf(branches);
    }

    @Override
    public long depth() {
      return branches.stream().mapToLong(Circuit::depth).max().orElse(0);
    }
  }

  /**
   * The same again and again, each time from what it gave the last time.
   *
   * @param times 0 or more
   */
  record Scan(long times, Circuit body) implements Circuit {
    @Override
    public long depth() {
      return Math.multiplyExact(times, body.depth());
    }
  }

  /** One after the other. */
  static Circuit chain(Circuit... links) {
    return new Chain(Arrays.asList(links));
  }

  /** Side by side. */
  static Circuit branches(Circuit... branches) {
    return new Branches(Arrays.asList(branches));
  }

  /** The sum of so many terms. */
  static Circuit sum(long terms) {
    return new Reduction(terms);
  }

  /** The highest of so many, or which one it is. */
  static Circuit highest(long terms) {
    return new Reduction(terms);
  }

  /** The order of so many, or the few highest. */
  static Circuit ranking(long terms) {
    return new Reduction(terms);
  }

  /** A dot product of so many terms: each of a matrix product's. */
  static Circuit dot(long terms) {
    return chain(Elementwise.MULTIPLY, sum(terms));
  }

  /** {@code e^(x - max) / Σ e^(x - max)}. */
  static Circuit softmax(long terms) {
    return chain(
        highest(terms), Elementwise.SUBTRACT, Elementwise.EXP, sum(terms), Elementwise.DIVIDE);
  }

  /** {@code x / sqrt(Σ x² / width + epsilon) · gain}. */
  static Circuit rmsNorm(long width) {
    return chain(
        Elementwise.SQUARE,
        sum(width),
        Elementwise.DIVIDE,
        Elementwise.ADD,
        Elementwise.RECIPROCAL_ROOT,
        Elementwise.MULTIPLY,
        Elementwise.MULTIPLY);
  }
}
