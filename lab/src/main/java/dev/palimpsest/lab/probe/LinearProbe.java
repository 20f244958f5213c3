package dev.palimpsest.lab.probe;

import java.util.Arrays;
import java.util.List;

/**
 * Ridge regression of targets on standardized activations. With X the n standardized rows of d
 * numbers and K = X Xᵀ / d, the scores of a row x are x Xᵀ (K + λ I)⁻¹ (y - ȳ) / d + ȳ, where λ is
 * the mean of K's diagonal. What does not depend on the targets is computed once, so that the same
 * rows are soon fitted to many.
 */
public final class LinearProbe {
  private final double[][] factor;
  private final double[][] beside;

  private LinearProbe(double[][] factor, double[][] beside) {
    this.factor = factor;
    this.beside = beside;
  }

  /**
   * A probe that is fitted to some rows and tried on others.
   *
   * @param rows of activations, at least two, all as wide
   * @param tried as wide as they
   */
  public static LinearProbe of(List<float[]> rows, List<float[]> tried) {
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
    double[][] x = standardized(rows, means, scales);
    double[][] kernel = products(x, x, d);
    double trace = 0;
    for (int row = 0; row < n; row++) {
      trace += kernel[row][row];
    }
    double ridge = trace > 0 ? trace / n : 1;
    for (int row = 0; row < n; row++) {
      kernel[row][row] += ridge;
    }
    return new LinearProbe(factor(kernel), products(standardized(tried, means, scales), x, d));
  }

  private static double[][] standardized(List<float[]> rows, double[] means, double[] scales) {
    double[][] standardized = new double[rows.size()][means.length];
    for (int row = 0; row < standardized.length; row++) {
      for (int i = 0; i < means.length; i++) {
        standardized[row][i] = (rows.get(row)[i] - means[i]) * scales[i];
      }
    }
    return standardized;
  }

  /** A Bᵀ / d. */
  private static double[][] products(double[][] a, double[][] b, int d) {
    double[][] products = new double[a.length][b.length];
    for (int row = 0; row < a.length; row++) {
      for (int column = 0; column < b.length; column++) {
        double sum = 0;
        for (int i = 0; i < d; i++) {
          sum += a[row][i] * b[column][i];
        }
        products[row][column] = sum / d;
      }
    }
    return products;
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

  /**
   * What the map that is fitted to targets makes of the rows that it is tried on.
   *
   * @param targets one for each row that it is fitted to
   */
  public double[] scores(double[] targets) {
    double offset = Arrays.stream(targets).average().orElse(0);
    double[] solved = solve(factor, Arrays.stream(targets).map(each -> each - offset).toArray());
    double[] scores = new double[beside.length];
    for (int row = 0; row < scores.length; row++) {
      scores[row] = offset;
      for (int i = 0; i < solved.length; i++) {
        scores[row] += beside[row][i] * solved[i];
      }
    }
    return scores;
  }
}
