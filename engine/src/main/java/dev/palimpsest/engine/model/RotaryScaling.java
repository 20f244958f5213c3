package dev.palimpsest.engine.model;

import java.util.Arrays;

/**
 * The way in which a checkpoint stretches rotary frequencies to sequences longer than it was
 * trained on.
 */
public sealed interface RotaryScaling {

  /** The frequencies as they are. */
  record None() implements RotaryScaling {
    @Override
    public double[] scaled(double[] frequencies, double theta) {
      return frequencies;
    }
  }

  /**
   * Every frequency divided by a factor, which is the same as dividing every position by it ({@code
   * rope_type} {@code linear}).
   *
   * @param factor by which the context grows
   */
  record Linear(double factor) implements RotaryScaling {
    @Override
    public double[] scaled(double[] frequencies, double theta) {
      return Arrays.stream(frequencies).map(each -> each / factor).toArray();
    }

    @Override
    public int reach(int maxPositions) {
      return Math.max(maxPositions, (int) Math.min(Integer.MAX_VALUE, factor * maxPositions));
    }
  }

  /**
   * A base that grows with the sequence once that is longer than the trained length ({@code
   * rope_type} {@code dynamic}). Up to it, which is what the engine takes, nothing changes; beyond
   * it, the keys of cached tokens would depend on how long the sequence is.
   *
   * @param factor by which the base grows
   * @param trainedLength {@code max_position_embeddings}
   */
  record Dynamic(double factor, int trainedLength) implements RotaryScaling {
    @Override
    public double[] scaled(double[] frequencies, double theta) {
      return frequencies;
    }
  }

  /**
   * The first part of the frequencies as they are, the others 0: these pairs of a head stay as they
   * are ({@code rope_type} {@code proportional}, Gemma 4).
   *
   * @param part of the pairs that turns, from 0 to 1
   */
  record Proportional(double part) implements RotaryScaling {
    @Override
    public double[] scaled(double[] frequencies, double theta) {
      return Arrays.copyOf(
          Arrays.copyOf(frequencies, (int) (part * frequencies.length)), frequencies.length);
    }
  }

  /**
   * Llama 3.1's: long wavelengths are divided by the factor, short ones stay, those between are
   * interpolated ({@code rope_type} {@code llama3}).
   *
   * @param factor by which the longest wavelengths grow
   * @param lowFactor wavelengths above {@code trainedLength / lowFactor} are divided
   * @param highFactor wavelengths below {@code trainedLength / highFactor} stay
   * @param trainedLength {@code original_max_position_embeddings}
   */
  record Llama3(double factor, double lowFactor, double highFactor, int trainedLength)
      implements RotaryScaling {
    @Override
    public double[] scaled(double[] frequencies, double theta) {
      double[] result = new double[frequencies.length];
      for (int i = 0; i < result.length; i++) {
        double turns = trainedLength * frequencies[i] / (2 * Math.PI);
        double kept = Math.clamp((turns - lowFactor) / (highFactor - lowFactor), 0, 1);
        result[i] = (kept + (1 - kept) / factor) * frequencies[i];
      }
      return result;
    }
  }

  /**
   * YaRN (Peng et al., 2023): dimensions that turn often stay, those that turn seldom are divided
   * by the factor, a ramp lies between; queries and keys grow by the magnitude.
   *
   * @param factor by which the context grows
   * @param betaFast turns within the trained length from which on a dimension stays
   * @param betaSlow turns up to which a dimension is divided
   * @param trainedLength {@code original_max_position_embeddings}
   * @param isTruncated whether the ramp begins and ends at whole dimensions
   * @param magnitude by which cosines and sines are multiplied, {@code attention_factor}
   */
  record Yarn(
      double factor,
      double betaFast,
      double betaSlow,
      int trainedLength,
      boolean isTruncated,
      double magnitude)
      implements RotaryScaling {

    /** The magnitude that the paper recommends for a factor; none for a context that shrinks. */
    static double magnitude(double factor, double weight) {
      return factor <= 1 ? 1 : 0.1 * weight * StrictMath.log(factor) + 1;
    }

    @Override
    public double[] scaled(double[] frequencies, double theta) {
      int size = 2 * frequencies.length;
      double fast = dimension(betaFast, size, theta);
      double slow = dimension(betaSlow, size, theta);
      double low = Math.max(0, isTruncated ? Math.floor(fast) : fast);
      double high = Math.min(size - 1, isTruncated ? Math.ceil(slow) : slow);
      double width = high == low ? 0.001 : high - low;
      double[] result = new double[frequencies.length];
      for (int i = 0; i < result.length; i++) {
        double divided = Math.clamp((i - low) / width, 0, 1);
        result[i] = (divided / factor + (1 - divided)) * frequencies[i];
      }
      return result;
    }

    @Override
    public int reach(int maxPositions) {
      return Math.max(maxPositions, (int) Math.min(Integer.MAX_VALUE, factor * trainedLength));
    }

    /** The dimension that turns so often within the trained length. */
    private double dimension(double turns, int size, double theta) {
      return size
          * StrictMath.log(trainedLength / (turns * 2 * Math.PI))
          / (2 * StrictMath.log(theta));
    }
  }

  /** The frequencies that are used, given the unscaled ones and their base. */
  double[] scaled(double[] frequencies, double theta);

  /** The factor of all cosines and sines. */
  default double magnitude() {
    return 1;
  }

  /** The longest sequence, of a model with so many {@code max_position_embeddings}. */
  default int reach(int maxPositions) {
    return maxPositions;
  }
}
