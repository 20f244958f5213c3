package dev.palimpsest.engine.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.engine.backend.host.TinyFamily;
import dev.palimpsest.engine.checkpoint.Checkpoint;
import dev.palimpsest.engine.device.CudaOptions;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.engine.forward.Transformer;
import dev.palimpsest.step.Draw;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Steps that differ in the length of what came before, as decoding's do. */
final class DecodeGraphTest {
  private static final TinyFamily MODEL = TinyFamily.WIDE_HEADS;
  private static final int STEPS = 60;

  /** Steps until everything that is to be a graph has been recorded. */
  private static final int WARM = 45;

  private static final long KV_CACHE_BYTES = 4 << 20;

  @TempDir private Path folder;

  @Test
  void theStepsOfADecodingBatchRunAsGraphs() {
    EmulatedDevice.require();
    MODEL.write(folder, 1);
    SplittableRandom random = new SplittableRandom(2);
    List<int[]> texts = new ArrayList<>();
    for (int length : new int[] {5, 40, 77}) {
      texts.add(random.ints(length, 0, MODEL.spec().vocabulary()).toArray());
    }
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      CudaBackend backend = CudaBackend.open(Precision.F32, CudaOptions.DEFAULT, MODEL.spec());
      try (Transformer device =
          Transformer.load(checkpoint, MODEL.spec(), backend, KV_CACHE_BYTES, _ -> {})) {
        List<List<Prediction>> last = List.of();
        long warm = 0;
        for (int step = 0; step < STEPS; step++) {
          last = device.predict(texts.stream().map(DecodeGraphTest::next).toList());
          warm = step < WARM ? backend.capturedGraphs() : warm;
          if (step < STEPS - 1) {
            for (int text = 0; text < texts.size(); text++) {
              int[] longer = Arrays.copyOf(texts.get(text), texts.get(text).length + 1);
              longer[longer.length - 1] = last.get(text).getFirst().token();
              texts.set(text, longer);
            }
          }
        }
        // All but the prefill and the first step.
        assertThat(backend.graphSteps()).isEqualTo(STEPS - 2);
        assertThat(backend.capturedGraphs()).isEqualTo(warm).isEqualTo(2);
        assertThat(device.recompute(texts.stream().map(DecodeGraphTest::next).toList()))
            .isEqualTo(last);
      }
    }
    assertThat(EmulatedDevice.inUse()).isZero();
  }

  /** As LLaDA's: the whole canvas every step, and fewer and fewer rows of it. */
  @Test
  void aRunOf64StepsOverACanvasRecordsAtMostFourGraphs() {
    EmulatedDevice.require();
    MODEL.write(folder, 1);
    SplittableRandom random = new SplittableRandom(3);
    int[] canvas = random.ints(90, 0, MODEL.spec().vocabulary()).toArray();
    CudaBackend backend = CudaBackend.open(Precision.F32, CudaOptions.DEFAULT, MODEL.spec());
    try (Checkpoint checkpoint = Checkpoint.open(folder);
        Transformer device = Transformer.load(checkpoint, MODEL.spec(), backend, 0, _ -> {})) {
      for (int step = 0; step < 64; step++) {
        int[] rows = IntStream.range(26 + step, canvas.length).toArray();
        Query query = new Query(canvas, 0, rows, 0, Draw.GREEDY, Optional.empty());
        canvas[26 + step] = device.predict(List.of(query)).getFirst().getFirst().token();
      }
      assertThat(backend.capturedGraphs()).isBetween(1L, 4L);
      assertThat(backend.graphSteps()).isEqualTo(63);
    }
    assertThat(EmulatedDevice.inUse()).isZero();
  }

  private static Query next(int[] text) {
    int[] rows = {text.length - 1};
    return new Query(text, 0, rows, text.length, Draw.GREEDY, Optional.empty());
  }
}
