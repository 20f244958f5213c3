package dev.palimpsest.sampler.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.palimpsest.sampler.AnyCase;
import dev.palimpsest.sampler.HashModel;
import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.CellState;
import dev.palimpsest.sampler.canvas.Cursor;
import dev.palimpsest.sampler.canvas.Snapshot;
import dev.palimpsest.sampler.canvas.SnapshotListener;
import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.sampler.method.LladaOptions;
import dev.palimpsest.sampler.method.LladaSampler;
import dev.palimpsest.sampler.method.ModelLimits;
import dev.palimpsest.sampler.method.Sampler;
import dev.palimpsest.sampler.method.SamplingOptions;
import dev.palimpsest.step.AttentionPattern;
import dev.palimpsest.step.Denoiser;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class DriverTest {
  private static final SpecialTokens SPECIALS = new SpecialTokens(0, 1, OptionalInt.of(2));

  private static LongStream seeds() {
    return LongStream.range(0, 200);
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void manyTogetherWriteWhatEachWritesAlone(long seed) {
    Random random = new Random(seed);
    List<AnyCase> cases = new ArrayList<>();
    cases.add(AnyCase.of(seed));
    for (int more = random.nextInt(12); more > 0; more--) {
      cases.add(cases.get(0).another(random.nextLong()));
    }
    HashModel model = cases.get(0).model();
    long bound = random.nextBoolean() ? Driver.UNLIMITED : 1 + random.nextInt(150);

    AtomicLong clock = new AtomicLong();
    Driver driver = new Driver(model, bound, clock::incrementAndGet);
    List<List<Snapshot>> together = new ArrayList<>();
    List<Driver.Ticket> tickets = new ArrayList<>();
    for (AnyCase each : cases) {
      List<Snapshot> heard = new ArrayList<>();
      together.add(heard);
      tickets.add(driver.submit(each.run(), heard::add));
      if (random.nextInt(3) == 0) {
        driver.step();
      }
    }
    driver.run(() -> false);

    for (List<Query> queries : model.asked) {
      long tokens = 0;
      for (Query query : queries) {
        tokens += (query.guidance().isPresent() ? 2L : 1L) * query.tokens().length;
      }
      assertThat(queries.size() == 1 || tokens <= bound).as("seed %d", seed).isTrue();
    }
    for (int index = 0; index < cases.size(); index++) {
      List<Snapshot> alone = new ArrayList<>();
      model.asked.clear();
      Driver one = new Driver(model, Driver.UNLIMITED, clock::incrementAndGet);
      Driver.Ticket ticket = one.submit(cases.get(index).run(), alone::add);
      one.run(() -> false);
      assertThat(untimed(together.get(index)))
          .as("seed %d, run %d", seed, index)
          .isEqualTo(untimed(alone));
      Generation generation = tickets.get(index).generation();
      assertThat(generation.complete()).as("seed %d", seed).isTrue();
      assertThat(generation.canvas()).isEqualTo(ticket.generation().canvas());
      assertThat(generation.forwards())
          .isEqualTo(
              model.asked.stream()
                  .flatMap(List::stream)
                  .mapToInt(query -> query.guidance().isPresent() ? 2 : 1)
                  .sum());
      assertThat(generation.idleSteps()).isEqualTo(alone.size() - model.asked.size());
      assertThat(generation.committed())
          .isEqualTo(
              generation
                  .canvas()
                  .positions(CellState.COMMITTED, 0, generation.canvas().length())
                  .length);
    }
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void aRunThatThrowsLeavesAloneAndTheOthersWriteWhatTheyWriteWithoutIt(long seed) {
    Random random = new Random(seed);
    AnyCase first = AnyCase.of(seed);
    List<AnyCase> cases = List.of(first, first.another(seed + 1), first.another(seed + 2));
    RuntimeException thrown = new IllegalArgumentException("step " + seed);
    FailingRun failing =
        new FailingRun(first.run(), random.nextInt(3), random.nextBoolean(), thrown);
    List<Request> requests = new ArrayList<>();
    cases.forEach(each -> requests.add(Request.of(each.run(), SnapshotListener.NONE)));
    Request bad = Request.of(failing, SnapshotListener.NONE);
    requests.add(random.nextInt(4), bad);

    List<Request> failed = new ArrayList<>();
    List<Request> ended = new ArrayList<>();
    List<CanvasImage> canvases = new ArrayList<>();
    new Driver(first.model())
        .run(
            requests.iterator(),
            1 + random.nextInt(4),
            new Driver.CompletionListener<Request, RuntimeException>() {
              @Override
              public void ended(Request request, Generation generation) {
                ended.add(request);
                canvases.add(generation.canvas());
              }

              @Override
              public void failed(Request request, RuntimeException failure) {
                assertThat(failure).isSameAs(thrown);
                failed.add(request);
              }
            });

    boolean threw = failing.hasThrown;
    assertThat(failed).isEqualTo(threw ? List.of(bad) : List.of());
    assertThat(ended).hasSize(threw ? 3 : 4);
    requests.remove(bad);
    for (int index = 0; index < cases.size(); index++) {
      Driver alone = new Driver(first.model());
      Driver.Ticket ticket = alone.submit(cases.get(index).run(), SnapshotListener.NONE);
      alone.run(() -> false);
      assertThat(canvases.get(ended.indexOf(requests.get(index))))
          .isEqualTo(ticket.generation().canvas());
    }
    if (threw) {
      assertThatThrownBy(
              () ->
                  new Driver(first.model())
                      .finish(
                          List.of(
                              Request.of(
                                  new FailingRun(first.run(), 0, true, thrown),
                                  SnapshotListener.NONE))))
          .isSameAs(thrown);
    }
  }

  @Test
  void aNumberAtOnceThatChangesHoldsFromTheNextStepOn() {
    HashModel model = new HashModel(9, 1, 3, 0, -1);
    int[] most = {1, 3, 2, 4, 4, 4};
    int[] step = {0};
    List<Request> requests = new ArrayList<>();
    for (int index = 0; index < 7; index++) {
      requests.add(Request.of(run(4, 2), SnapshotListener.NONE));
    }
    new Driver(model)
        .run(
            requests.iterator(),
            () -> most[Math.min(step[0]++, most.length - 1)],
            (Request _, Generation _) -> {});
    // Every run takes two steps: of 1, 3 and 2 at once, the third step still has the second's
    // three.
    assertThat(model.asked).extracting(List::size).startsWith(1, 3, 2).endsWith(4, 4);
    assertThat(model.asked.stream().mapToInt(List::size).sum()).isEqualTo(14);
  }

  @Test
  void aTextIsScoredBesideRunsAsItIsAlone() {
    HashModel model = new HashModel(11, 5, 4, 0, -1, new AttentionPattern.Causal());
    ModelLimits limits = new ModelLimits(11, 12, new AttentionPattern.Causal());
    SpecialTokens specials = new SpecialTokens(SpecialTokens.NO_MASK, 1, OptionalInt.empty());
    Generator generator = new Generator(model, limits, specials);
    int[] text = {3, 7, 0, 10, 3, 3};
    Scoring scoring = generator.scoring(text, true, 2);
    Driver driver = new Driver(model);
    SamplingOptions options = SamplingOptions.of("decode", Map.of("gen_length", 4));
    driver.submit(generator.run(new int[] {4}, options), SnapshotListener.NONE);
    Driver.Ticket ticket = driver.submit(scoring);
    assertThatThrownBy(() -> scoring.of(1)).hasMessageContaining("0 of 1 forwards");
    driver.run(() -> false);

    assertThat(ticket.isOver()).isTrue();
    float[][] logits = model.logits(text);
    for (int position = 1; position < text.length; position++) {
      double sum = 0;
      for (float logit : logits[position - 1]) {
        sum += Math.exp(logit);
      }
      double expected = Math.log(Math.exp(logits[position - 1][text[position]]) / sum);
      assertThat(scoring.of(position).targetLogProbability().orElseThrow())
          .isCloseTo(expected, within(1e-12));
      assertThat(scoring.of(position).alternatives()).hasSize(2);
    }
    assertThat(scoring.of(text.length).alternatives()).hasSize(2);
    assertThatThrownBy(() -> scoring.of(text.length + 1)).hasMessageContaining("there are 6");
    assertThatThrownBy(ticket::generation).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> generator.scoring(new int[13], true, 0))
        .hasMessageContaining("1 to 12");
    assertThatThrownBy(() -> generator.scoring(new int[] {11}, true, 0))
        .hasMessageContaining("id 11");
  }

  @Test
  void aMaskedModelScoresATextInAForwardATokenWithThatTokenAndAllBehindItMasked() {
    AttentionPattern full = new AttentionPattern.Full();
    HashModel model = new HashModel(11, 6, 4, 0, -1, full);
    Generator generator =
        new Generator(
            model, new ModelLimits(11, 4, full), new SpecialTokens(10, 1, OptionalInt.empty()));
    int[] text = {3, 7, 0};
    Scoring scoring = generator.scoring(text, true, 10);
    Driver driver = new Driver(model);
    driver.submit(scoring);
    driver.run(() -> false);

    assertThat(model.asked.stream().map(each -> each.getFirst().tokens()))
        .containsExactly(new int[] {3, 10, 10}, new int[] {3, 7, 10}, new int[] {3, 7, 0, 10});
    assertThat(scoring.of(1).targetLogProbability()).isPresent();
    assertThat(scoring.of(3).targetLogProbability()).isEmpty();
    assertThat(scoring.of(3).alternatives())
        .hasSize(10)
        .noneMatch(alternative -> alternative.token() == 10);
    assertThat(generator.scoring(new int[4], false, 1).finished()).isFalse();
    assertThatThrownBy(() -> generator.scoring(new int[4], true, 1))
        .hasMessageContaining("1 to 3 tokens and one behind them");
    assertThat(generator.scoring(new int[1], false, 1).finished()).isTrue();
  }

  /** Throws at a step of its own, when it is asked or when it is told. */
  private static final class FailingRun implements Run {
    private final SamplerRun run;
    private final int atStep;
    private final boolean asked;
    private final RuntimeException thrown;
    private boolean hasThrown;

    FailingRun(SamplerRun run, int atStep, boolean asked, RuntimeException thrown) {
      this.run = run;
      this.atStep = atStep;
      this.asked = asked;
      this.thrown = thrown;
    }

    private void fail(boolean here) {
      if (here && run.cursor().step() == atStep) {
        hasThrown = true;
        throw thrown;
      }
    }

    @Override
    public Query ask() {
      fail(asked);
      return run.ask();
    }

    @Override
    public Optional<Snapshot> accept(List<Prediction> predictions, long elapsedNanos) {
      fail(!asked);
      return run.accept(predictions, elapsedNanos);
    }

    @Override
    public boolean finished() {
      return run.finished();
    }

    @Override
    public boolean complete() {
      return run.complete();
    }

    @Override
    public Sampler sampler() {
      return run.sampler();
    }

    @Override
    public CanvasImage canvas() {
      return run.canvas();
    }

    @Override
    public Cursor cursor() {
      return run.cursor();
    }

    @Override
    public int settled() {
      return run.settled();
    }

    @Override
    public long width() {
      return run.width();
    }
  }

  @Test
  void aGenerationCountsForwardsCommitsAndTime() {
    AtomicLong clock = new AtomicLong(1000);
    HashModel model = new HashModel(9, 1, 3, 0, -1);
    Driver driver = new Driver(model, Driver.UNLIMITED, () -> clock.getAndAdd(10));
    Driver.Ticket ticket = driver.submit(run(4, 2), SnapshotListener.NONE);
    assertThat(ticket.generation().complete()).isFalse();
    assertThat(ticket.generation().tokensPerForward()).isZero();
    driver.step();
    assertThat(ticket.generation().committed()).isEqualTo(2);
    driver.run(() -> false);
    Generation generation = ticket.generation();
    assertThat(generation.complete()).isTrue();
    assertThat(generation.forwards()).isEqualTo(2);
    assertThat(generation.tokensPerForward()).isEqualTo(generation.tokens().length / 2.0);
    assertThat(generation.firstSnapshotNanos()).isEqualTo(10);
    assertThat(generation.totalNanos()).isEqualTo(20);
    assertThat(driver.step()).isFalse();
    assertThat(model.forwards).isEqualTo(2);
  }

  @Test
  void aThrowingListenerReachesTheCallerAfterEveryoneTookTheStep() {
    HashModel model = new HashModel(9, 1, 3, 0, -1);
    Driver driver = new Driver(model);
    IllegalStateException failure = new IllegalStateException("no");
    List<Snapshot> heard = new ArrayList<>();
    SnapshotListener throwing =
        snapshot -> {
          if (snapshot.step() == 0) {
            throw failure;
          }
        };
    Driver.Ticket first = driver.submit(run(4, 4), throwing);
    Driver.Ticket same = driver.submit(run(4, 1), throwing);
    Driver.Ticket last = driver.submit(run(4, 4), heard::add);
    assertThatThrownBy(driver::step).isSameAs(failure);
    assertThat(heard).hasSize(1);
    assertThat(first.generation().forwards()).isEqualTo(1);
    assertThat(same.generation().complete()).isTrue();
    driver.run(() -> false);
    assertThat(first.generation().complete()).isTrue();
    assertThat(last.generation().complete()).isTrue();
    assertThat(heard).hasSize(4);
  }

  @Test
  void aFailingModelChangesNothingAndTheStepCanBeTriedAgain() {
    HashModel model = new HashModel(9, 1, 3, 0, -1);
    List<String> failures =
        new ArrayList<>(List.of("throw", "few queries", "few rows", "nan", "mask"));
    Denoiser flaky =
        queries -> {
          List<List<Prediction>> answers = model.predict(queries);
          if (failures.isEmpty()) {
            return answers;
          }
          return switch (failures.remove(0)) {
            case "throw" -> throw new IllegalStateException("out of memory");
            case "few queries" -> answers.subList(0, 1);
            case "few rows" -> List.of(answers.get(0), answers.get(1).subList(0, 1));
            case "nan" ->
                List.of(answers.get(0), all(new Prediction(3, Double.NaN, 3, 0, 0, 0, 0)));
            default -> List.of(answers.get(0), all(new Prediction(0, 0.5, 3, 0, 0, 0, 0)));
          };
        };
    Driver driver = new Driver(flaky);
    Driver.Ticket one = driver.submit(run(4, 4), SnapshotListener.NONE);
    Driver.Ticket two = driver.submit(run(4, 4), SnapshotListener.NONE);
    CanvasImage before = one.generation().canvas();
    for (String message :
        List.of(
            "out of memory",
            "the model answered 1 of 2 queries",
            "the model predicted 1 of 4 rows",
            "position 1 has probability NaN: the model's logits are not finite",
            "position 1 drew id 0, which must not be drawn")) {
      assertThatThrownBy(driver::step)
          .isInstanceOf(IllegalStateException.class)
          .hasMessage(message);
      assertThat(one.generation().canvas()).isEqualTo(before);
      assertThat(two.generation().forwards()).isZero();
    }
    driver.run(() -> false);
    assertThat(one.generation().complete()).isTrue();
    assertThat(two.generation().complete()).isTrue();
  }

  @Test
  void aCancelledRunLeavesWithWhatItHasWritten() {
    HashModel model = new HashModel(9, 1, 3, 0, -1);
    Driver driver = new Driver(model);
    Driver.Ticket leaving = driver.submit(run(4, 4), SnapshotListener.NONE);
    Driver.Ticket never = driver.submit(run(4, 4), SnapshotListener.NONE);
    never.cancel();
    driver.step();
    leaving.cancel();
    assertThat(driver.step()).isFalse();
    assertThat(leaving.generation().complete()).isFalse();
    assertThat(leaving.generation().committed()).isEqualTo(1);
    assertThat(never.generation().forwards()).isZero();
    assertThat(model.forwards).isEqualTo(1);
  }

  @Test
  void aListenerMaySubmitAndTheRunJoinsAtTheNextStep() {
    HashModel model = new HashModel(9, 1, 3, 0, -1);
    Driver driver = new Driver(model);
    List<Driver.Ticket> later = new ArrayList<>();
    driver.submit(
        run(2, 2),
        snapshot -> {
          if (snapshot.step() == 0) {
            later.add(driver.submit(run(2, 2), SnapshotListener.NONE));
          }
        });
    driver.run(() -> false);
    assertThat(model.asked.stream().map(List::size)).containsExactly(1, 2, 1);
    assertThat(later.get(0).generation().complete()).isTrue();
  }

  @Test
  void aStoppedDriverGoesOnWhereItWas() {
    HashModel model = new HashModel(9, 1, 3, 0, -1);
    Driver driver = new Driver(model);
    Driver.Ticket ticket = driver.submit(run(4, 4), SnapshotListener.NONE);
    driver.run(() -> model.forwards == 3);
    assertThat(ticket.generation().complete()).isFalse();
    assertThat(ticket.generation().forwards()).isEqualTo(3);
    driver.run(() -> false);
    assertThat(ticket.generation().complete()).isTrue();
    assertThat(model.forwards).isEqualTo(4);
  }

  @Test
  void aStepThatAsksNothingRunsNoForwardAndAGuidedOneTwo() {
    HashModel model = new HashModel(9, 1, 3, 0, -1);
    Driver driver = new Driver(model);
    Driver.Ticket slow = driver.submit(run(4, 10, 0), SnapshotListener.NONE);
    Driver.Ticket fast = driver.submit(run(4, 4, 0), SnapshotListener.NONE);
    Driver.Ticket guided = driver.submit(run(4, 2, 0.5), SnapshotListener.NONE);
    driver.run(() -> false);
    // Ten steps over four positions: six have nothing left to fill.
    assertThat(slow.generation().complete()).isTrue();
    assertThat(slow.generation().forwards()).isEqualTo(4);
    assertThat(slow.generation().idleSteps()).isEqualTo(6);
    assertThat(fast.generation().forwards()).isEqualTo(4);
    assertThat(fast.generation().idleSteps()).isZero();
    assertThat(guided.generation().forwards()).isEqualTo(4);
    assertThat(model.asked.stream().map(List::size)).containsExactly(3, 3, 2, 2);
  }

  @Test
  void requestsAreTakenAsOthersEndAndNeverMoreAtOnceThanAsked() {
    HashModel model = new HashModel(8, 1, 4, 0, -1);
    List<Integer> begun = new ArrayList<>();
    List<Integer> ended = new ArrayList<>();
    Iterator<Numbered> requests =
        IntStream.range(0, 7)
            .mapToObj(
                number -> {
                  begun.add(number);
                  return new Numbered(number, run(4, number % 2 == 0 ? 1 : 4));
                })
            .iterator();
    new Driver(model)
        .run(
            requests,
            2,
            (request, generation) -> {
              assertThat(generation.complete()).isTrue();
              assertThat(begun.size() - ended.size()).isBetween(1, 2);
              ended.add(request.number());
            });
    assertThat(begun).containsExactly(0, 1, 2, 3, 4, 5, 6);
    assertThat(ended).containsExactly(0, 2, 1, 4, 3, 6, 5);
    assertThat(model.asked.stream().map(List::size)).allMatch(size -> size <= 2);
  }

  @Test
  void whatTheListenerThrowsComesOut() {
    HashModel model = new HashModel(8, 1, 4, 0, -1);
    Iterator<Numbered> requests = List.of(new Numbered(0, run(4, 1))).iterator();
    assertThatThrownBy(
            () ->
                new Driver(model)
                    .run(
                        requests,
                        1,
                        (_, _) -> {
                          throw new IOException("the disk is full");
                        }))
        .isInstanceOf(IOException.class);
  }

  private record Numbered(int number, Run run) implements Request {
    @Override
    public SnapshotListener listener() {
      return SnapshotListener.NONE;
    }
  }

  private static List<Prediction> all(Prediction prediction) {
    return List.of(prediction, prediction, prediction, prediction);
  }

  private static Run run(int genLength, int steps) {
    return run(genLength, steps, 0);
  }

  private static Run run(int genLength, int steps, double cfgScale) {
    LladaOptions options =
        LladaOptions.builder()
            .genLength(genLength)
            .blockLength(genLength)
            .steps(steps)
            .cfgScale(cfgScale)
            .build();
    return new SamplerRun(new LladaSampler(options, SPECIALS), new int[] {3}, genLength);
  }

  private static List<Snapshot> untimed(List<Snapshot> snapshots) {
    return snapshots.stream()
        .map(
            s ->
                new Snapshot(
                    s.at(),
                    s.commits(),
                    s.edits(),
                    s.remasked(),
                    s.noise(),
                    s.rows(),
                    s.predictions(),
                    s.forwards(),
                    s.canvas(),
                    s.openLeft(),
                    0))
        .toList();
  }
}
