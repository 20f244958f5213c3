package dev.palimpsest.engine.backend.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WorkersTest {
  private static final Duration LIMIT = Duration.ofSeconds(5);

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 5})
  void everyPieceRunsExactlyOnce(int threads) {
    try (Workers workers = new Workers(threads)) {
      assertThat(workers.count()).isEqualTo(threads);
      for (int round = 0; round < 50; round++) {
        for (int tasks : new int[] {0, 1, 2, 3, 4, 5, 17, 64, 333}) {
          AtomicIntegerArray runs = new AtomicIntegerArray(tasks);
          workers.run(tasks, (index, _) -> runs.incrementAndGet(index));
          for (int index = 0; index < tasks; index++) {
            assertThat(runs.get(index)).isEqualTo(1);
          }
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 5})
  void noTwoPiecesRunAtOnceUnderTheSameWorkerNumber(int threads) {
    AtomicIntegerArray busy = new AtomicIntegerArray(threads);
    AtomicInteger clashes = new AtomicInteger();
    try (Workers workers = new Workers(threads)) {
      for (int round = 0; round < 200; round++) {
        workers.run(
            40,
            (_, worker) -> {
              if (busy.incrementAndGet(worker) != 1) {
                clashes.incrementAndGet();
              }
              Thread.onSpinWait();
              busy.decrementAndGet(worker);
            });
      }
    }
    assertThat(clashes).hasValue(0);
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3})
  void parkedThreadsTakePartAgain(int threads) throws InterruptedException {
    AtomicIntegerArray pieces = new AtomicIntegerArray(threads);
    try (Workers workers = new Workers(threads)) {
      long start = System.nanoTime();
      while (pieces.get(threads - 1) == 0 && System.nanoTime() - start < LIMIT.toNanos()) {
        Thread.sleep(5);
        workers.run(
            8,
            (_, worker) -> {
              pieces.incrementAndGet(worker);
              pause();
            });
      }
    }
    for (int worker = 0; worker < threads; worker++) {
      assertThat(pieces.get(worker)).as("pieces of worker %d", worker).isPositive();
    }
  }

  private static void pause() {
    try {
      Thread.sleep(1);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3})
  void whatAPieceThrowsReachesTheCallerAndThePoolGoesOn(int threads) {
    try (Workers workers = new Workers(threads)) {
      for (int round = 0; round < 100; round++) {
        int bad = round % 20;
        assertThatThrownBy(
                () ->
                    workers.run(
                        20,
                        (index, _) -> {
                          if (index == bad) {
                            throw new IllegalArgumentException("piece " + index);
                          }
                        }))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessage("piece " + bad);
        AtomicInteger runs = new AtomicInteger();
        workers.run(20, (_, _) -> runs.incrementAndGet());
        assertThat(runs).hasValue(20);
      }
    }
  }

  @Test
  void anErrorReachesTheCallerAsItself() {
    try (Workers workers = new Workers(3)) {
      assertThatThrownBy(
              () ->
                  workers.run(
                      9,
                      (_, _) -> {
                        throw new AssertionError("every piece");
                      }))
          .isInstanceOf(AssertionError.class)
          .hasMessage("every piece");
    }
  }

  @Test
  void whatThePiecesWroteIsSeenByTheCaller() {
    int[] values = new int[10_000];
    try (Workers workers = new Workers(3)) {
      for (int round = 1; round <= 200; round++) {
        int written = round;
        workers.run(
            100,
            (index, _) -> {
              for (int i = index * 100; i < (index + 1) * 100; i++) {
                values[i] = written;
              }
            });
        assertThat(values).containsOnly(written);
      }
    }
  }

  @Test
  void closingEndsTheThreads() throws InterruptedException {
    Set<Thread> before = Thread.getAllStackTraces().keySet();
    Workers workers = new Workers(4);
    Set<Thread> started =
        Thread.getAllStackTraces().keySet().stream()
            .filter(thread -> !before.contains(thread))
            .filter(thread -> thread.getName().matches("palimpsest-[0-9]+"))
            .collect(Collectors.toSet());
    assertThat(started).hasSize(3).allMatch(Thread::isDaemon);
    workers.run(10, (_, _) -> {});
    workers.close();
    for (Thread thread : started) {
      thread.join(LIMIT);
      assertThat(thread.isAlive()).isFalse();
    }
  }
}
