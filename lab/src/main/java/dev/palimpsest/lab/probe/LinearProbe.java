package dev.palimpsest.lab.probe;

import java.util.Arrays;
import java.util.List;

/**
 * Ridge regression of targets on standardized activations, one linear map for each of some targets.
 * With X the n standardized rows of d numbers and K = X Xᵀ / d, the scores of a row x are x Xᵀ (K +
 * λ I)⁻¹ (y - ȳ) / d + ȳ, where λ is the mean of K's diagonal.
 */
public final class LinearProbe {
  private final double[] means;
  private final double[] scales;
  private final double[][] weights;
  private final double[] offsets;

  private LinearProbe(double[] means, double[] scales, double[][] weights, double[] offsets) {
    this.means = means;
    this.scales = scales;
    this.weights = weights;
    this.offsets = offsets;
  }

  /**
   * Fits the maps.
   *
   * @param rows of activations, at least two, all as wide
   * @param targets of each map, a number a row
   */
  public static LinearProbe fit(List<float[]> rows, double[][] targets) {
    int n = rows.size();
    int d = rows.getFirst().length;
    double[] means = new double[d];
    double[] scales = new double[d];
    for (float[] row : rows) {
      for (int i = 0; i < d; i++) {
        means[i] += row[i] / (double) n;
      }
    }
    for (float[] row : rows) {
      for (int i = 0; i < d; i++) {
        scales[i] += (row[i] - means[i]) * (row[i] - means[i]) / n;
      }
    }
    for (int i = 0; i < d; i++) {
      scales[i] = scales[i] > 0 ? 1 / Math.sqrt(scales[i]) : 0;
    }
    double[][] x = new double[n][];
    for (int row = 0; row < n; row++) {
      x[row] = standardized(rows.get(row), means, scales);
    }
    double[][] factor = factor(kernel(x, d));
    double[][] weights = new double[targets.length][d];
    double[] offsets = new double[targets.length];
    for (int map = 0; map < targets.length; map++) {
      double offset = Arrays.stream(targets[map]).average().orElse(0);
      double[] solved =
          solve(factor, Arrays.stream(targets[map]).map(each -> each - offset).toArray());
      for (int row = 0; row < n; row++) {
        for (int i = 0; i < d; i++) {
          weights[map][i] += solved[row] * x[row][i] / d;
        }
      }
      offsets[map] = offset;
    }
    return new LinearProbe(means, scales, weights, offsets);
  }

  private static double[] standardized(float[] row, double[] means, double[] scales) {
    double[] standardized = new double[row.length];
    for (int i = 0; i < row.length; i++) {
      standardized[i] = (row[i] - means[i]) * scales[i];
    }
    return standardized;
  }

  /** K + λ I. */
  private static double[][] kernel(double[][] x, int d) {
    int n = x.length;
    double[][] kernel = new double[n][n];
    double trace = 0;
    for (int row = 0; row < n; row++) {
      for (int column = 0; column <= row; column++) {
        double sum = 0;
        for (int i = 0; i < d; i++) {
          sum += x[row][i] * x[column][i];
        }
        kernel[row][column] = sum / d;
        kernel[column][row] = sum / d;
      }
      trace += kernel[row][row];
    }
    double ridge = trace > 0 ? trace / n : 1;
    for (int row = 0; row < n; row++) {
      kernel[row][row] += ridge;
    }
    return kernel;
  }

  /** Cholesky's lower factor. */
  private static double[][] factor(double[][] matrix) {
    int n = matrix.length;
    double[][] lower = new double[n][n];
    for (int row = 0; row < n; row++) {
      for (int column = 0; column <= row; column++) {
        double sum = matrix[row][column];
        for (int i = 0; i < column; i++) {
          sum -= lower[row][i] * lower[column][i];
        }
        lower[row][column] = row == column ? Math.sqrt(sum) : sum / lower[column][column];
      }
    }
    return lower;
  }

  private static double[] solve(double[][] lower, double[] right) {
    int n = right.length;
    double[] solved = right.clone();
    for (int row = 0; row < n; row++) {
      for (int i = 0; i < row; i++) {
        solved[row] -= lower[row][i] * solved[i];
      }
      solved[row] /= lower[row][row];
    }
    for (int row = n - 1; row >= 0; row--) {
      for (int i = row + 1; i < n; i++) {
        solved[row] -= lower[i][row] * solved[i];
      }
      solved[row] /= lower[row][row];
    }
    return solved;
  }

  /** What a map makes of a row. */
  public double score(int map, float[] row) {
    double sum = offsets[map];
    for (int i = 0; i < row.length; i++) {
      sum += weights[map][i] * (row[i] - means[i]) * scales[i];
    }
    return sum;
  }
}
