package dev.palimpsest.sampler.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.palimpsest.sampler.HashModel;
import dev.palimpsest.sampler.canvas.Snapshot;
import dev.palimpsest.sampler.canvas.SnapshotListener;
import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.sampler.method.LladaOptions;
import dev.palimpsest.sampler.method.ModelLimits;
import dev.palimpsest.step.AttentionPattern;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Readers that are slow on purpose; a test that hangs shows a run that waited for one. */
@Timeout(120)
class SnapshotRingTest {
  private static final int STEPS = 60;
  private static final int CAPACITY = 7;

  /** A generation of {@value #STEPS} steps. */
  private static void generate(SnapshotListener listener) {
    SpecialTokens specials = new SpecialTokens(0, 1, OptionalInt.of(2));
    Generator generator =
        new Generator(
            new HashModel(9, 1, 3, 0, -1),
            new ModelLimits(9, 200, new AttentionPattern.Full()),
            specials);
    LladaOptions options =
        LladaOptions.builder().genLength(STEPS).blockLength(STEPS).steps(STEPS).build();
    assertThat(generator.generate(new int[] {3, 4}, options, listener).complete()).isTrue();
  }

  private static List<Integer> drain(SnapshotRing ring) throws InterruptedException {
    List<Integer> steps = new ArrayList<>();
    Optional<SnapshotRing.Heard> next = ring.take();
    while (next.isPresent()) {
      assertThat(next.get().number()).isEqualTo(next.get().snapshot().step());
      steps.add(next.get().snapshot().step());
      next = ring.take();
    }
    return steps;
  }

  private static List<Integer> steps(int from) {
    return IntStream.range(from, STEPS).boxed().toList();
  }

  @Test
  void aReaderThatDoesNotReadStopsNoRunAndLosesTheOldestSteps() throws InterruptedException {
    SnapshotRing ring = new SnapshotRing(CAPACITY, SnapshotRing.WhenFull.LEAVE_OUT_OLDEST);
    generate(ring);
    ring.close();
    assertThat(drain(ring)).isEqualTo(steps(STEPS - CAPACITY));
    assertThat(ring.leftOut()).isEqualTo(STEPS - CAPACITY);
    assertThat(ring.heard()).isEqualTo(STEPS);
  }

  @Test
  void whatIsReadIsWholeAndInOrderHoweverSlowTheReader() throws Exception {
    SnapshotRing ring = new SnapshotRing(CAPACITY, SnapshotRing.WhenFull.LEAVE_OUT_OLDEST);
    List<Snapshot> all = new ArrayList<>();
    FutureTask<List<Snapshot>> reader =
        new FutureTask<>(
            () -> {
              List<Snapshot> read = new ArrayList<>();
              Optional<SnapshotRing.Heard> next = ring.take();
              while (next.isPresent()) {
                read.add(next.get().snapshot());
                Thread.sleep(1);
                next = ring.take();
              }
              return read;
            });
    Thread.ofPlatform().start(reader);
    generate(
        snapshot -> {
          all.add(snapshot);
          ring.snapshot(snapshot);
        });
    ring.close();
    List<Snapshot> read = reader.get();
    assertThat(all).containsSubsequence(read);
    assertThat(read.getLast()).isEqualTo(all.getLast());
    assertThat(read.size() + ring.leftOut()).isEqualTo(STEPS);
  }

  @Test
  void aRunWaitsForAReaderThatMustNotLoseAStep() throws Exception {
    SnapshotRing ring = new SnapshotRing(CAPACITY, SnapshotRing.WhenFull.WAIT);
    AtomicInteger handed = new AtomicInteger();
    Thread run =
        Thread.ofPlatform()
            .start(
                () -> {
                  generate(
                      snapshot -> {
                        ring.snapshot(snapshot);
                        handed.incrementAndGet();
                      });
                  ring.close();
                });
    while (run.getState() != Thread.State.WAITING || handed.get() < CAPACITY) {
      Thread.sleep(1);
    }
    assertThat(handed).hasValue(CAPACITY);
    assertThat(drain(ring)).isEqualTo(steps(0));
    assertThat(ring.leftOut()).isZero();
    run.join();
  }

  @Test
  void aReaderThatGivesUpLetsTheRunGoOn() throws Exception {
    SnapshotRing ring = new SnapshotRing(CAPACITY, SnapshotRing.WhenFull.WAIT);
    CountDownLatch finished = new CountDownLatch(1);
    Thread run =
        Thread.ofPlatform()
            .start(
                () -> {
                  generate(ring);
                  finished.countDown();
                });
    while (run.getState() != Thread.State.WAITING) {
      Thread.sleep(1);
    }
    ring.close();
    finished.await();
    assertThat(drain(ring)).isEqualTo(IntStream.range(0, CAPACITY).boxed().toList());
    assertThat(ring.leftOut()).isEqualTo(STEPS - CAPACITY);
  }

  @Test
  void anInterruptedRunDoesNotWait() {
    List<Snapshot> all = new ArrayList<>();
    generate(all::add);
    SnapshotRing ring = new SnapshotRing(1, SnapshotRing.WhenFull.WAIT);
    ring.snapshot(all.getFirst());
    Thread.currentThread().interrupt();
    assertThatThrownBy(() -> ring.snapshot(all.getLast()))
        .isInstanceOf(CancellationException.class);
    assertThat(Thread.interrupted()).isTrue();
  }

  @Test
  void aRingOfNoSnapshotsIsRefused() {
    assertThatThrownBy(() -> new SnapshotRing(0, SnapshotRing.WhenFull.WAIT))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("a ring of 0 snapshots was asked for; it holds at least 1");
  }
}
