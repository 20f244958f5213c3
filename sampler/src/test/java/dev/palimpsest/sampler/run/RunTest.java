package dev.palimpsest.sampler.run;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.sampler.AnyCase;
import dev.palimpsest.sampler.HashModel;
import dev.palimpsest.sampler.canvas.Canvas;
import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.Snapshot;
import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.sampler.method.LladaOptions;
import dev.palimpsest.sampler.method.SamplingOptions;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
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
      CanvasImage rebuilt = CanvasImage.of(seen.ids(), seen.states(), seen.promptLength());
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
      assertThat(canvas.image()).as("seed %d", seed).isEqualTo(snapshot.canvas());
      assertThat(snapshot.maskedLeft()).as("seed %d", seed).isEqualTo(canvas.masked());
    }
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
    assertThat(last.maskedLeft()).isZero();
    assertThat(resumed.finished()).isTrue();
  }

  private static Snapshot step(SamplerRun run, AnyCase request) {
    return run.step(request.model().predict(List.of(run.ask())).get(0), 7);
  }
}
