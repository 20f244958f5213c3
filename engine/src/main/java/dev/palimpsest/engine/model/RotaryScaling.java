package dev.palimpsest.engine.model;

/** How a checkpoint stretches rotary frequencies to sequences longer than it was trained on. */
public sealed interface RotaryScaling {

  /** The frequencies as they are. */
  record None() implements RotaryScaling {
    @Override
    public double[] scaled(double[] frequencies, double theta) {
      return frequencies;
    }

    @Override
    public double magnitude() {
      return 1;
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

    @Override
    public double magnitude() {
      return 1;
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
   * @param magnitude by which cosines and sines are multiplied, {@code attention_factor}
   */
  record Yarn(double factor, double betaFast, double betaSlow, int trainedLength, double magnitude)
      implements RotaryScaling {

    /** The magnitude that the paper recommends for a factor. */
    static double magnitude(double factor) {
      return 0.1 * StrictMath.log(factor) + 1;
    }

    @Override
    public double[] scaled(double[] frequencies, double theta) {
      int size = 2 * frequencies.length;
      double low = Math.max(0, Math.floor(dimension(betaFast, size, theta)));
      double high = Math.min(size - 1, Math.ceil(dimension(betaSlow, size, theta)));
      double width = high > low ? high - low : 0.001;
      double[] result = new double[frequencies.length];
      for (int i = 0; i < result.length; i++) {
        double divided = Math.clamp((i - low) / width, 0, 1);
        result[i] = (divided / factor + (1 - divided)) * frequencies[i];
      }
      return result;
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

  /** What cosines and sines are multiplied by. */
  double magnitude();
}
