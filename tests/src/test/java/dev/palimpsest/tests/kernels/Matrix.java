package dev.palimpsest.tests.kernels;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

/**
 * A matrix in a test's memory.
 *
 * @param type of the elements
 * @param rows its height
 * @param columns its width
 * @param stride elements from one row to the next; those past the columns are poison
 * @param buffer where it lies
 */
record Matrix(ElementType type, int rows, int columns, int stride, Memory.Buffer buffer) {

  float get(int row, int column) {
    return type.get(buffer.data, (long) row * stride + column);
  }

  void set(int row, int column, float value) {
    type.set(buffer.data, (long) row * stride + column, value);
  }

  double[][] values() {
    double[][] values = new double[rows][columns];
    for (int row = 0; row < rows; row++) {
      for (int column = 0; column < columns; column++) {
        values[row][column] = get(row, column);
      }
    }
    return values;
  }

  /** The bits of one row. */
  byte[] rowBytes(int row) {
    return buffer
        .data
        .asSlice((long) row * stride * type.bytes, (long) columns * type.bytes)
        .toArray(JAVA_BYTE);
  }

  /** Every element is close, and nothing was written between the rows. */
  void assertClose(double[][] expected, double[][] tolerance) {
    for (int row = 0; row < rows; row++) {
      for (int column = 0; column < columns; column++) {
        double found = get(row, column);
        if (Double.compare(found, expected[row][column]) != 0) {
          assertThat(found)
              .as("row %s of %s, column %s of %s", row, rows, column, columns)
              .isCloseTo(expected[row][column], within(tolerance[row][column]));
        }
      }
    }
    assertGapsArePoison();
  }

  /** Every element is this one, and nothing was written between the rows. */
  void assertEqual(double[][] expected) {
    assertClose(expected, new double[rows][columns]);
  }

  private void assertGapsArePoison() {
    for (int row = 0; row < rows; row++) {
      for (long i = (long) columns * type.bytes; i < (long) stride * type.bytes; i++) {
        if (buffer.data.get(JAVA_BYTE, (long) row * stride * type.bytes + i) != Memory.POISON) {
          throw new AssertionError("byte " + i + " of row " + row + " was written");
        }
      }
    }
  }
}
