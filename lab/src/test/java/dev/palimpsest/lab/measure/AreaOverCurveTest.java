package dev.palimpsest.lab.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.palimpsest.lab.measure.AreaOverCurve.Item;
import dev.palimpsest.lab.measure.AreaOverCurve.Point;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class AreaOverCurveTest {
  @ParameterizedTest(name = "{0} steps")
  @ValueSource(ints = {1, 2, 4, 9})
  void whoeverReadsOnlyTheLastStepHasAllButTheLastTriangle(int length) {
    assertThat(area(item(length, kept -> true))).isZero();
    assertThat(area(item(length, kept -> kept == length)))
        .isCloseTo(1 - 0.5 / length, within(1e-15));
    assertThat(area(item(length, kept -> kept > 0))).isCloseTo(0.5 / length, within(1e-15));
    assertThat(area(item(length, kept -> false))).isEqualTo(1);
  }

  @Test
  void itemsOfOneLengthShareACurveAndLengthsWeighAsTheirItems() {
    // Of two steps: y = 1/2, 1/2, 1, so 1/2 · (1/2 + 3/4) = 5/8; of four: 1/8; (2 · 5/8 + 1/8) / 3.
    double area =
        area(item(2, kept -> true), item(2, kept -> kept == 2), item(4, kept -> kept == 4));
    assertThat(area).isCloseTo(1 - (2 * 5 / 8.0 + 1 / 8.0) / 3, within(1e-15));
  }

  @Test
  void stepsWithoutAPointAreBridged() {
    // 0 at 0, 1 at 1/4 and 1 at the end: 1/8 + 3/4.
    Item sparse = new Item(4, List.of(new Point(4, true), new Point(0, false), new Point(1, true)));
    assertThat(area(sparse)).isCloseTo(1 / 8.0, within(1e-15));
  }

  @Test
  void aCurveEndsAtTheMostThatAnItemOfItsLengthKept() {
    // A mistake in each of three steps keeps 0, 1 or 2: 0 at 0, 1 at 1/2, 1 at 1.
    Item mistakes =
        new Item(3, List.of(new Point(0, false), new Point(1, true), new Point(2, true)));
    assertThat(area(mistakes)).isCloseTo(1 / 4.0, within(1e-15));
  }

  @Test
  void itemsWithoutACurveDoNotCount() {
    Item stepless = item(0, kept -> true);
    Item onlyNothingKept = new Item(1, List.of(new Point(0, true)));
    Item unbegun = new Item(2, List.of(new Point(1, true), new Point(2, true)));
    assertThat(AreaOverCurve.of(List.of(stepless, onlyNothingKept, unbegun))).isEmpty();
    assertThat(AreaOverCurve.interval(List.of(stepless), 7)).isEmpty();
    assertThat(AreaOverCurve.of(List.of())).isEmpty();
    Bootstrap two =
        AreaOverCurve.interval(
                List.of(stepless, item(2, kept -> kept == 2), unbegun, item(2, kept -> true)), 7)
            .orElseThrow();
    // Alone the one has 3/4 and the other 0.
    assertThat(two.estimate().n()).isEqualTo(2);
    assertThat(two.estimate().value()).isCloseTo(3 / 8.0, within(1e-15));
    assertThat(two.estimate().interval()).contains(new Estimate.Interval(0, 0.75));
  }

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {1, 2, 3, 4, 5})
  void withAllPointsItIsTheMeanOfTheItemsOwnInAnyOrder(long seed) {
    Random random = new Random(seed);
    List<Item> items = new ArrayList<>();
    double sum = 0;
    for (int number = 0; number < 12; number++) {
      int need = random.nextInt(6);
      Item item = item(1 + random.nextInt(5), kept -> kept >= need);
      items.add(item);
      sum += area(item);
    }
    Collections.shuffle(items, random);
    assertThat(AreaOverCurve.of(items).orElseThrow()).isCloseTo(sum / 12, within(1e-12));
  }

  @Test
  void moreThanThereIsCannotBeKept() {
    assertThatThrownBy(() -> new Item(2, List.of(new Point(3, true))))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("3 steps are kept of 2: a point may have 0 to 2");
  }

  private static Item item(int length, IntPredicate same) {
    return new Item(
        length,
        IntStream.rangeClosed(0, length)
            .mapToObj(kept -> new Point(kept, same.test(kept)))
            .toList());
  }

  private static double area(Item... items) {
    return AreaOverCurve.of(List.of(items)).orElseThrow();
  }
}
