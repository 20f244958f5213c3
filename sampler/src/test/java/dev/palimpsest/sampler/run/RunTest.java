package dev.palimpsest.sampler.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.palimpsest.sampler.AnyCase;
import dev.palimpsest.sampler.HashModel;
import dev.palimpsest.sampler.canvas.Canvas;
import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.CellState;
import dev.palimpsest.sampler.canvas.Cursor;
import dev.palimpsest.sampler.canvas.Drafts;
import dev.palimpsest.sampler.canvas.Snapshot;
import dev.palimpsest.sampler.canvas.SnapshotListener;
import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.sampler.canvas.Turn;
import dev.palimpsest.sampler.method.EntropyBoundOptions;
import dev.palimpsest.sampler.method.InvalidOptionException;
import dev.palimpsest.sampler.method.LladaOptions;
import dev.palimpsest.sampler.method.ModelLimits;
import dev.palimpsest.sampler.method.SamplingOptions;
import dev.palimpsest.step.Prediction;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What holds for runs of every sampler. */
class RunTest {
  private static LongStream seeds() {
    return LongStream.range(0, 200);
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void aRunGoesOnFromAnyStepAsIfItHadNeverStopped(long seed) {
    AnyCase request = AnyCase.of(seed);
    List<Snapshot> whole = new ArrayList<>();
    List<CanvasImage> canvases = new ArrayList<>();
    SamplerRun run = request.run();
    while (!run.finished()) {
      canvases.add(run.canvas());
      whole.add(step(run, request));
    }
    for (int from = 0; from < whole.size(); from++) {
      CanvasImage seen = canvases.get(from);
      CanvasImage rebuilt =
          CanvasImage.of(seen.ids(), seen.states(), seen.promptLength(), seen.drafts());
      SamplingOptions options =
          SamplingOptions.of(
              run.sampler().options().samplerName(), run.sampler().options().toMap());
      SamplerRun resumed =
          SamplerRun.resume(options.sampler(request.specials()), rebuilt, whole.get(from).at());
      for (Snapshot expected : whole.subList(from, whole.size())) {
        assertThat(step(resumed, request)).as("seed %d, from %d", seed, from).isEqualTo(expected);
      }
      assertThat(resumed.finished()).as("seed %d, from %d", seed, from).isTrue();
      assertThat(resumed.cursor()).isEqualTo(run.cursor());
    }
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void aSnapshotHoldsWhatWasAskedAndEverythingThatChanged(long seed) {
    AnyCase request = AnyCase.of(seed);
    SamplerRun run = request.run();
    while (!run.finished()) {
      Canvas canvas = new Canvas(run.canvas(), request.specials().maskId());
      int[] rows = run.ask().rows();
      Snapshot snapshot = step(run, request);
      assertThat(snapshot.rows()).as("seed %d", seed).containsExactly(rows);
      assertThat(snapshot.predictions()).as("seed %d", seed).hasSize(rows.length);
      snapshot.commits().forEach(commit -> canvas.commit(commit.position(), commit.token()));
      snapshot.edits().forEach(edit -> canvas.edit(edit.position(), edit.token()));
      for (int position : snapshot.remasked()) {
        canvas.remask(position);
      }
      snapshot.noise().forEach(noise -> canvas.noise(noise.position(), noise.id()));
      Drafts drafts =
          request.options() instanceof EntropyBoundOptions
              ? new Drafts(
                  rows[0], snapshot.predictions().stream().mapToInt(Prediction::argmax).toArray())
              : Drafts.NONE;
      canvas.apply(new Turn(List.of(), List.of(), new int[0], List.of(), drafts, snapshot.at()));
      assertThat(canvas.image()).as("seed %d", seed).isEqualTo(snapshot.canvas());
      assertThat(snapshot.openLeft()).as("seed %d", seed).isEqualTo(canvas.open());
    }
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void whatIsSettledNeverChangesAgain(long seed) {
    AnyCase request = AnyCase.of(seed);
    SamplerRun run = request.run();
    List<CanvasImage> canvases = new ArrayList<>(List.of(run.canvas()));
    List<Integer> settled = new ArrayList<>(List.of(run.settled()));
    while (!run.finished()) {
      step(run, request);
      canvases.add(run.canvas());
      settled.add(run.settled());
    }
    assertThat(settled).as("seed %d", seed).isSorted();
    assertThat(settled.getFirst()).isEqualTo(request.prompt().length);
    assertThat(settled.getLast()).isEqualTo(run.canvas().firstOpen());
    for (int at = 0; at < canvases.size(); at++) {
      assertThat(Arrays.copyOf(run.canvas().ids(), settled.get(at)))
          .as("seed %d, step %d", seed, at)
          .isEqualTo(Arrays.copyOf(canvases.get(at).ids(), settled.get(at)));
      assertThat(settled.get(at)).isLessThanOrEqualTo(canvases.get(at).firstOpen());
    }
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void aRunFillsTheHolesOfACanvasAndChangesNothingThatIsFixed(long seed) {
    AnyCase request = AnyCase.of(seed);
    Random random = new Random(seed);
    CanvasImage empty = request.run().canvas();
    int[] ids = empty.ids();
    CellState[] states = empty.states();
    for (int position = empty.promptLength(); position < ids.length; position++) {
      switch (random.nextInt(4)) {
        case 0 -> {
          states[position] = CellState.FIXED;
          boolean frozen = request.specials().hasMask() && random.nextInt(3) == 0;
          ids[position] =
              frozen
                  ? request.specials().maskId()
                  : 1 + random.nextInt(request.model().vocabulary - 1);
        }
        case 1 -> {
          states[position] = CellState.COMMITTED;
          ids[position] = 3;
        }
        default -> {}
      }
    }
    CanvasImage start = CanvasImage.of(ids, states, empty.promptLength());
    ModelLimits limits =
        new ModelLimits(
            request.model().vocabulary,
            100,
            request.model().pattern,
            request.options().samplerName().equals("sub_block"));
    Generator generator = new Generator(request.model(), limits, request.specials());
    Run run = generator.run(start, Cursor.START, request.options());
    Generation generation = generator.generate(Request.of(run, SnapshotListener.NONE));

    assertThat(generation.complete()).as("seed %d", seed).isTrue();
    for (int position = empty.promptLength(); position < ids.length; position++) {
      boolean fixed = states[position] == CellState.FIXED;
      assertThat(generation.canvas().state(position) == CellState.FIXED).isEqualTo(fixed);
      if (fixed) {
        assertThat(generation.canvas().id(position)).isEqualTo(ids[position]);
      }
    }
    assertThat(generation.canvas().firstOpen() == ids.length || generation.stopped())
        .as("seed %d: %s", seed, generation.canvas())
        .isTrue();
    assertThatThrownBy(
            () ->
                generator.run(
                    CanvasImage.of(
                        Arrays.copyOf(ids, ids.length + 1), withMask(states), empty.promptLength()),
                    Cursor.START,
                    request.options()))
        .isInstanceOf(InvalidOptionException.class)
        .hasMessageContaining("does not fit a canvas with");
  }

  private static CellState[] withMask(CellState[] states) {
    CellState[] more = Arrays.copyOf(states, states.length + 1);
    more[states.length] = CellState.MASKED;
    return more;
  }

  @Test
  void aLladaRunFillsAPositionThatWasMaskedAgainInAnEarlierBlock() {
    LladaOptions options = LladaOptions.builder().genLength(6).blockLength(3).steps(4).build();
    SpecialTokens specials = new SpecialTokens(0, 1, OptionalInt.empty());
    HashModel model = new HashModel(9, 4, 3, 0, -1);
    SamplerRun run = new SamplerRun(options.sampler(specials), new int[] {5}, 6);
    run.step(model.predict(List.of(run.ask())).get(0), 0);
    run.step(model.predict(List.of(run.ask())).get(0), 0);
    Canvas changed = new Canvas(run.canvas(), 0);
    changed.remask(1);
    changed.remask(2);
    SamplerRun resumed = SamplerRun.resume(run.sampler(), changed.image(), run.cursor());
    assertThat(resumed.ask().rows()).containsExactly(1, 2, 4, 5, 6);
    Snapshot third = resumed.step(model.predict(List.of(resumed.ask())).get(0), 0);
    assertThat(third.commits()).hasSize(3);
    Snapshot last = resumed.step(model.predict(List.of(resumed.ask())).get(0), 0);
    assertThat(last.openLeft()).isZero();
    assertThat(resumed.finished()).isTrue();
  }

  private static Snapshot step(SamplerRun run, AnyCase request) {
    return run.step(request.model().predict(List.of(run.ask())).get(0), 7);
  }
}
