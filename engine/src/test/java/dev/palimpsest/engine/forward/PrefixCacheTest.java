package dev.palimpsest.engine.forward;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PrefixCacheTest {

  private static int[] text(int... tokens) {
    return tokens;
  }

  private static PrefixCache.Reservation step(PrefixCache cache, int[] text) {
    cache.begin();
    PrefixCache.Reservation reserved = cache.reserve(text, 0, text.length);
    cache.commit();
    return reserved;
  }

  private static int found(PrefixCache cache, int... text) {
    cache.begin();
    return cache.find(text, 0, text.length).length;
  }

  @Test
  void aSharedPrefixIsStoredOnce() {
    PrefixCache cache = new PrefixCache(10, 4, 1);
    step(cache, text(1, 2, 3, 4, 5, 6));
    assertThat(cache.pagesUsed()).isEqualTo(2);
    PrefixCache.Reservation reserved = step(cache, text(1, 2, 3, 4, 7, 8));
    assertThat(reserved.indices()).containsExactly(4, 5);
    assertThat(cache.pagesUsed()).isEqualTo(3);
    assertThat(cache.find(text(1, 2, 3, 4, 7, 8, 9), 0, 7)).hasSize(6);
    assertThat(cache.find(text(1, 2, 3, 4, 5, 8), 0, 6)).hasSize(5);
  }

  @Test
  void whatIsForgottenIsNotFoundAndMakesRoom() {
    PrefixCache cache = new PrefixCache(2, 4, 1);
    step(cache, text(1, 2, 3, 4, 5, 6));
    cache.clear();
    assertThat(cache.pagesUsed()).isZero();
    assertThat(cache.find(text(1, 2, 3, 4, 5, 6), 0, 6)).isEmpty();
    step(cache, text(7, 8, 9, 10, 11, 12));
    assertThat(cache.pagesUsed()).isEqualTo(2);
    assertThat(cache.find(text(7, 8, 9, 10, 11, 12), 0, 6)).hasSize(6);
  }

  @Test
  void aTextThatGrowsFillsItsLastPage() {
    PrefixCache cache = new PrefixCache(10, 4, 1);
    step(cache, text(1, 2));
    PrefixCache.Reservation reserved = step(cache, text(1, 2, 3, 4, 5));
    assertThat(reserved.indices()).containsExactly(2, 3, 4);
    assertThat(cache.pagesUsed()).isEqualTo(2);
  }

  @Test
  void onlyWholeBlocksAreFound() {
    PrefixCache cache = new PrefixCache(10, 8, 4);
    step(cache, text(1, 2, 3, 4, 5, 6, 7, 8));
    assertThat(found(cache, 1, 2, 3, 4, 5, 6, 9, 9)).isEqualTo(4);
    assertThat(found(cache, 1, 2, 3, 9)).isZero();
  }

  @Test
  void whatStandsAtAnotherPositionIsAnotherPrefix() {
    PrefixCache cache = new PrefixCache(10, 4, 1);
    step(cache, text(1, 2, 3));
    assertThat(cache.find(text(1, 2, 3), 5, 3)).isEmpty();
    assertThat(cache.find(text(1, 2, 3), 0, 3)).hasSize(3);
  }

  @Test
  void theLongestUnusedPageGoesFirstAndNoneThatOthersContinue() {
    PrefixCache cache = new PrefixCache(3, 2, 1);
    step(cache, text(1, 2, 3, 4));
    step(cache, text(5, 6));
    assertThat(found(cache, 1, 2)).isEqualTo(2);
    step(cache, text(7, 8));
    assertThat(cache.pagesUsed()).isEqualTo(3);
    assertThat(found(cache, 1, 2, 3, 4)).isEqualTo(2);
    assertThat(found(cache, 5, 6)).isEqualTo(2);
    assertThat(found(cache, 7, 8)).isEqualTo(2);
  }

  @Test
  void aStepMayUseEveryPageAndGetsNoMore() {
    PrefixCache cache = new PrefixCache(2, 2, 1);
    PrefixCache.Reservation reserved = step(cache, text(1, 2, 3, 4, 5, 6));
    assertThat(reserved.indices()).containsExactly(0, 1, 2, 3);
    assertThat(found(cache, 1, 2, 3, 4, 5, 6)).isEqualTo(4);
  }

  @Test
  void whatAStepReservesIsFoundOnlyAfterItIsWritten() {
    PrefixCache cache = new PrefixCache(4, 4, 1);
    cache.begin();
    assertThat(cache.reserve(text(1, 2, 3), 0, 3).indices()).hasSize(3);
    assertThat(cache.find(text(1, 2, 3), 0, 3)).isEmpty();
    assertThat(cache.reserve(text(1, 2, 3), 0, 3).indices()).as("reserved already").isEmpty();
    assertThat(cache.reserve(text(1, 2, 3, 4, 5), 0, 5).indices()).containsExactly(3, 4);
    cache.abort();
    assertThat(cache.pagesUsed()).isZero();
    assertThat(found(cache, 1, 2, 3)).isZero();
    step(cache, text(1, 2, 3));
    cache.begin();
    PrefixCache.Reservation unused = cache.reserve(text(1, 2, 3, 4, 5, 6), 0, 6);
    assertThat(unused.indices()).containsExactly(3, 4, 5);
    cache.abort();
    assertThat(found(cache, 1, 2, 3, 4, 5, 6)).isEqualTo(3);
  }

  /** Each slot's content is a prefix; a found slot must hold exactly the prefix that was asked. */
  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {0, 1, 2, 3, 4, 5, 6, 7})
  void aFoundSlotHoldsThePrefixThatWasAsked(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int unit = random.nextInt(1, 4);
    int pageTokens = unit * random.nextInt(1, 5);
    int capacity = random.nextInt(1, 30);
    PrefixCache cache = new PrefixCache(capacity, pageTokens, unit);
    Map<Integer, List<Integer>> slots = new HashMap<>();
    int hits = 0;
    for (int step = 0; step < 500; step++) {
      cache.begin();
      Map<Integer, List<Integer>> written = new HashMap<>();
      for (int query = random.nextInt(1, 4); query > 0; query--) {
        int[] text = random.ints(random.nextInt(1, 40), 0, 2).toArray();
        int position = random.nextInt(2);
        int cacheable = text.length / unit * unit;
        int[] found = cache.find(text, position, cacheable);
        for (int i = 0; i < found.length; i++) {
          assertThat(slots.get(found[i])).isEqualTo(prefix(text, position, i, unit));
        }
        hits += found.length;
        PrefixCache.Reservation reserved = cache.reserve(text, position, cacheable);
        for (int i = 0; i < reserved.slots().length; i++) {
          assertThat(reserved.slots()[i]).isBetween(0, capacity * pageTokens - 1);
          written.put(reserved.slots()[i], prefix(text, position, reserved.indices()[i], unit));
        }
        assertThat(cache.pagesUsed()).isLessThanOrEqualTo(capacity);
      }
      if (random.nextInt(5) == 0) {
        cache.abort();
      } else {
        cache.commit();
        slots.putAll(written);
      }
    }
    assertThat(hits).isPositive();
  }

  /** What the keys at {@code index} depend on: position and all tokens up to the block's end. */
  private static List<Integer> prefix(int[] text, int position, int index, int unit) {
    int end = (index / unit + 1) * unit;
    return IntStream.concat(IntStream.of(position, index), Arrays.stream(Arrays.copyOf(text, end)))
        .boxed()
        .toList();
  }
}
