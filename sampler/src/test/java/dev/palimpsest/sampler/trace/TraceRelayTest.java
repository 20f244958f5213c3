package dev.palimpsest.sampler.trace;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.palimpsest.sampler.HashModel;
import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.Snapshot;
import dev.palimpsest.sampler.canvas.SnapshotListener;
import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.sampler.method.LladaOptions;
import dev.palimpsest.sampler.method.ModelLimits;
import dev.palimpsest.sampler.run.Generation;
import dev.palimpsest.sampler.run.Generator;
import dev.palimpsest.step.AttentionPattern;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Listeners that are slow on purpose; a test that hangs shows a run that waited for one. */
@Timeout(120)
final class TraceRelayTest {
  private static final int STEPS = 60;

  private static Generation generate(SnapshotListener listener) {
    Generator generator =
        new Generator(
            new HashModel(9, 1, 3, 0, -1),
            new ModelLimits(9, 200, new AttentionPattern.Full()),
            new SpecialTokens(0, 1, OptionalInt.of(2)));
    LladaOptions options =
        LladaOptions.builder().genLength(STEPS).blockLength(STEPS).steps(STEPS).build();
    return generator.generate(new int[] {3, 4}, options, listener);
  }

  private static TraceListener steps(Consumer<Integer> heard) {
    return new TraceListener() {
      @Override
      public void snapshot(Snapshot snapshot) {
        heard.accept(snapshot.step());
      }

      @Override
      public void event(TraceRecord.Event event, CanvasImage after) {
        throw new AssertionError("nothing happens here but steps");
      }
    };
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 7, 1000})
  void everyStepIsHeardOfInOrderOnAnotherThread(int capacity) {
    List<Integer> heard = new ArrayList<>();
    List<Thread> threads = new ArrayList<>();
    try (TraceRelay relay = new TraceRelay(capacity)) {
      TraceRelay.Track track =
          relay.to(
              steps(
                  step -> {
                    heard.add(step);
                    threads.add(Thread.currentThread());
                  }));
      assertThat(generate(track).complete()).isTrue();
      track.flush();
      assertThat(heard).isEqualTo(IntStream.range(0, STEPS).boxed().toList());
      assertThat(threads).doesNotContain(Thread.currentThread());
    }
  }

  @Test
  void aListenerThatDoesNotGoOnHoldsNoRunUpWhileThereIsRoom() throws InterruptedException {
    CountDownLatch ended = new CountDownLatch(1);
    AtomicInteger heard = new AtomicInteger();
    try (TraceRelay relay = new TraceRelay(STEPS)) {
      TraceRelay.Track track =
          relay.to(
              steps(
                  _ -> {
                    await(ended);
                    heard.incrementAndGet();
                  }));
      assertThat(generate(track).complete()).isTrue();
      assertThat(heard.get()).isZero();
      ended.countDown();
    }
    assertThat(heard.get()).isEqualTo(STEPS);
  }

  @Test
  void aRunWaitsForAListenerWhenThereIsNoRoom() throws InterruptedException {
    CountDownLatch goOn = new CountDownLatch(1);
    CountDownLatch third = new CountDownLatch(3);
    try (TraceRelay relay = new TraceRelay(2)) {
      TraceRelay.Track track = relay.to(steps(_ -> await(goOn)));
      AtomicInteger taken = new AtomicInteger();
      Thread run =
          Thread.ofPlatform()
              .start(
                  () ->
                      generate(
                          snapshot -> {
                            track.snapshot(snapshot);
                            taken.incrementAndGet();
                            third.countDown();
                          }));
      third.await(); // one is being heard of, two wait
      while (run.getState() != Thread.State.WAITING) {
        Thread.onSpinWait();
      }
      assertThat(taken.get()).isEqualTo(3);
      goOn.countDown();
      run.join();
      assertThat(taken.get()).isEqualTo(STEPS);
    }
  }

  @Test
  void whatAListenerThrowsEndsTheRunOnceAndItHearsOfNothingAfterThat() {
    List<Integer> heard = new ArrayList<>();
    IllegalStateException failure = new IllegalStateException("the disk is full");
    try (TraceRelay relay = new TraceRelay(1)) {
      TraceRelay.Track track =
          relay.to(
              steps(
                  step -> {
                    heard.add(step);
                    if (step == 2) {
                      throw failure;
                    }
                  }));
      assertThatThrownBy(() -> generate(track)).isSameAs(failure);
      track.flush();
      assertThat(heard).isEqualTo(List.of(0, 1, 2));
    }
  }

  @Test
  void whatAListenerThrowsLastComesOutOfTheEnd() {
    IllegalStateException failure = new IllegalStateException("the disk is full");
    try (TraceRelay relay = new TraceRelay(STEPS)) {
      TraceRelay.Track track =
          relay.to(
              steps(
                  step -> {
                    if (step == STEPS - 1) {
                      throw failure;
                    }
                  }));
      assertThat(generate(track).complete()).isTrue();
      assertThatThrownBy(track::flush).isSameAs(failure);
      track.flush();
    }
  }

  @Test
  void whatOneListenerThrowsDoesNotKeepAnotherFromHearing() {
    List<Integer> heard = new ArrayList<>();
    IllegalStateException failure = new IllegalStateException("the disk is full");
    try (TraceRelay relay = new TraceRelay(STEPS)) {
      TraceRelay.Track failing =
          relay.to(
              steps(
                  _ -> {
                    throw failure;
                  }));
      TraceRelay.Track other = relay.to(steps(heard::add));
      assertThatThrownBy(
              () ->
                  generate(
                      snapshot -> {
                        other.snapshot(snapshot);
                        failing.snapshot(snapshot);
                        assertThatThrownBy(failing::flush).isSameAs(failure);
                        throw new CancellationException("one step is enough");
                      }))
          .isInstanceOf(CancellationException.class);
      assertThat(generate(other).complete()).isTrue();
      other.flush();
      failing.flush();
    }
    assertThat(heard).hasSize(1 + STEPS).startsWith(0, 0, 1);
  }

  @Test
  void aClosedRelayHearsOfNothing() {
    TraceRelay relay = new TraceRelay(1);
    relay.close();
    relay.close();
    TraceRelay.Track track = relay.to(steps(_ -> {}));
    for (int time = 0; time < 3; time++) {
      assertThatThrownBy(() -> generate(track))
          .isInstanceOf(IllegalStateException.class)
          .hasMessage("the relay is closed, and nothing can be heard of any more");
    }
  }

  @Test
  void anInterruptKeepsNoStepFromBeingHeardOf() {
    List<Integer> heard = new ArrayList<>();
    try (TraceRelay relay = new TraceRelay(1)) {
      TraceRelay.Track track = relay.to(steps(heard::add));
      Generation generation =
          generate(
              snapshot -> {
                if (snapshot.step() == 4) {
                  Thread.currentThread().interrupt();
                }
                track.snapshot(snapshot);
              });
      assertThat(Thread.interrupted()).isTrue();
      assertThat(generation.complete()).isFalse();
    }
    assertThat(heard).isEqualTo(List.of(0, 1, 2, 3, 4));
  }

  @Test
  void aRelayOfNoCallsIsRefused() {
    assertThatThrownBy(() -> new TraceRelay(0))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("a relay of 0 calls was asked for; at least 1 may wait");
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
