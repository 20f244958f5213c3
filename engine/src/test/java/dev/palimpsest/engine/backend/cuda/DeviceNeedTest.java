package dev.palimpsest.engine.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.engine.backend.Workload;
import dev.palimpsest.engine.backend.host.TinyFamily;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.engine.forward.Transformer;
import dev.palimpsest.engine.model.ModelSpec;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

final class DeviceNeedTest {
  private static final long MOST_BYTES_OF_LOGITS = 300_000_000;

  /** LLaDA's, Qwen's and LLaDA2's vocabularies. */
  @ParameterizedTest
  @ValueSource(ints = {126_464, 151_936, 157_184})
  void logitsTakeLessThan300MegabytesHoweverManyRowsAreAskedFor(int ids) {
    for (int rows : new int[] {8, 128, 448, 4096, 20_480}) {
      assertThat(Vocabulary.bytes(rows, ids)).as("%d rows", rows).isLessThan(MOST_BYTES_OF_LOGITS);
    }
  }

  @ParameterizedTest
  @EnumSource
  void expertsAndTheKvCacheAreCounted(Precision precision) {
    ModelSpec spec = TinyFamily.EXPERTS.spec();
    Workload workload = Transformer.workload(spec);
    DeviceNeed need = DeviceNeed.of(spec, precision, workload);
    assertThat(need.experts()).isPositive();
    assertThat(need.kvCache())
        .isBetween(
            Transformer.KV_CACHE_BYTES * CudaWeight.elementBytes(precision) / Float.BYTES * 9 / 10,
            Transformer.KV_CACHE_BYTES);
    assertThat(workload.tokens()).isEqualTo(768);
  }

  /** 2 · 2,816 · 262,144 bytes of DiffusionGemma's embedding alone, in bf16. */
  @Test
  void whatSoftStepsTakeIsMostlyTheEmbeddingOnceMore() {
    ModelSpec spec = TinyFamily.CANVAS.spec();
    Workload workload = Transformer.workload(spec);
    long columns = 2L * spec.vocabulary() * spec.hidden();
    DeviceNeed need = DeviceNeed.of(spec, Precision.BF16, workload);
    assertThat(need.soft()).isGreaterThan(columns);
    assertThat(need.describe(Precision.BF16, 8)).contains(" for what soft steps hand on, ");
    assertThat(DeviceNeed.of(spec, Precision.BF16, Workload.NONE).soft()).isZero();
    assertThat(DeviceNeed.of(TinyFamily.EXPERTS.spec(), Precision.BF16, workload).soft()).isZero();
  }

  @Test
  void whatIsSmallIsHeldInF32WhateverThePrecision() {
    ModelSpec spec = TinyFamily.EXPERTS.spec();
    DeviceNeed narrow = DeviceNeed.of(spec, Precision.BF16, Workload.NONE);
    DeviceNeed wide = DeviceNeed.of(spec, Precision.F32, Workload.NONE);
    assertThat(wide.weights() - narrow.weights())
        .isEqualTo(2 * (spec.parameters() - spec.exactParameters()));
  }
}
