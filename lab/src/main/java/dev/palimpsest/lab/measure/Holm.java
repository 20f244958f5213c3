package dev.palimpsest.lab.measure;

import java.util.Arrays;

/**
 * P-values of a family of tests, adjusted so that among all of them one false rejection or more
 * happens no more often than the level says (Holm, "A simple sequentially rejective multiple test
 * procedure", Scandinavian Journal of Statistics 6, 1979).
 */
public final class Holm {
  private Holm() {}

  /**
   * The adjusted p-values: with p₁ ≤ … ≤ pₘ in ascending order, the one of pₖ is the largest of
   * {@code (m - j + 1) · pⱼ} over j ≤ k, 1 at most. Equal p-values get equal ones.
   *
   * @param p from 0 to 1, in any order, which the result keeps
   */
  public static double[] adjusted(double[] p) {
    double[] ascending = p.clone();
    Arrays.sort(ascending);
    double[] steps = new double[p.length];
    double largest = 0;
    for (int k = 0; k < p.length; k++) {
      if (!(ascending[k] >= 0 && ascending[k] <= 1)) {
        throw new IllegalArgumentException(
            "a p-value is %s: it must be from 0 to 1".formatted(ascending[k]));
      }
      largest = Math.max(largest, Math.min(1, (p.length - k) * ascending[k]));
      steps[k] = largest;
    }
    double[] adjusted = new double[p.length];
    Arrays.setAll(adjusted, test -> steps[Arrays.binarySearch(ascending, p[test])]);
    return adjusted;
  }
}
