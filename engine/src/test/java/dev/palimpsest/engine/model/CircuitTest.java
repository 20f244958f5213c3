package dev.palimpsest.engine.model;

import static dev.palimpsest.engine.model.Circuit.Elementwise.ADD;
import static dev.palimpsest.engine.model.Circuit.Elementwise.EXP;
import static dev.palimpsest.engine.model.Circuit.Elementwise.MAXIMUM;
import static dev.palimpsest.engine.model.Circuit.branches;
import static dev.palimpsest.engine.model.Circuit.chain;
import static dev.palimpsest.engine.model.Circuit.dot;
import static dev.palimpsest.engine.model.Circuit.rmsNorm;
import static dev.palimpsest.engine.model.Circuit.softmax;
import static dev.palimpsest.engine.model.Circuit.sum;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** The published rules, and their authors' own example. */
final class CircuitTest {
  @Test
  void theTwoLayerPerceptronOfTheAuthorsHasDepth11() {
    Circuit relu = MAXIMUM;
    Circuit perceptron = chain(dot(1), relu, dot(8), relu, dot(8));
    assertThat(perceptron.depth()).isEqualTo(11);
  }

  @ParameterizedTest(name = "of {0} terms: {1}")
  @CsvSource({
    "1, 0",
    "2, 1",
    "3, 2",
    "4, 2",
    "5, 3",
    "8, 3",
    "9, 4",
    "126464, 17",
    "131072, 17",
    "131073, 18",
    "4611686018427387905, 63",
  })
  void aReductionHasTheDepthOfATree(long terms, long depth) {
    assertThat(sum(terms).depth()).isEqualTo(depth);
    assertThat(dot(terms).depth()).isEqualTo(1 + depth);
  }

  @Test
  void nothingCannotBeReduced() {
    assertThatThrownBy(() -> sum(0)).hasMessage("0 terms are reduced; 1 or more can be.");
  }

  @ParameterizedTest
  @EnumSource(Circuit.Elementwise.class)
  void anOperationOnEveryElementCountsOne(Circuit operation) {
    assertThat(operation.depth()).isEqualTo(1);
  }

  @ParameterizedTest
  @EnumSource(Circuit.Movement.class)
  void whatMovesCountsNothing(Circuit movement) {
    assertThat(movement.depth()).isZero();
  }

  @Test
  void chainsAddUpAndOfBranchesTheDeepestCounts() {
    assertThat(chain(ADD, sum(8), EXP).depth()).isEqualTo(5);
    assertThat(branches(ADD, sum(8), EXP).depth()).isEqualTo(3);
    assertThat(chain().depth()).isZero();
    assertThat(chain(branches(chain(ADD, ADD), sum(2)), EXP).depth()).isEqualTo(3);
  }

  @Test
  void aScanIsItsBodyAsOftenAsItRuns() {
    assertThat(new Circuit.Scan(48, chain(ADD, sum(8))).depth()).isEqualTo(192);
    assertThat(new Circuit.Scan(0, ADD).depth()).isZero();
    Circuit[] unrolled = new Circuit[7];
    Arrays.fill(unrolled, dot(5));
    assertThat(new Circuit.Scan(7, dot(5)).depth()).isEqualTo(chain(unrolled).depth());
  }

  @Test
  void softmaxAndNormAreTheirElementaryOperations() {
    assertThat(softmax(256).depth()).isEqualTo(8 + 1 + 1 + 8 + 1);
    assertThat(rmsNorm(4096).depth()).isEqualTo(1 + 12 + 1 + 1 + 1 + 1 + 1);
  }
}
