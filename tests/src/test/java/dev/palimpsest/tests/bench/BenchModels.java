package dev.palimpsest.tests.bench;

import dev.palimpsest.engine.backend.Backend;
import dev.palimpsest.engine.backend.host.HostBackend;
import dev.palimpsest.engine.checkpoint.Checkpoint;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.engine.forward.Transformer;
import dev.palimpsest.engine.model.Families;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.step.Draw;
import dev.palimpsest.step.Query;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;

/** The model that is measured, and what it is asked. */
final class BenchModels {
  /** Tokens of a prompt, and masks that follow it. */
  static final int PROMPT = 48;

  static final int CANVAS = 48;

  private BenchModels() {}

  /** The folder that a benchmark's {@code model} parameter names; the bundled model if empty. */
  static Path folder(String model) {
    return model.isEmpty()
        ? Path.of(System.getProperty("palimpsest.home", ".."), "models", "abacus-mdm")
        : Path.of(model);
  }

  static ModelSpec spec(Path folder) {
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      return Families.spec(checkpoint.config());
    }
  }

  static Transformer load(Path folder, Precision precision, int threads) {
    return load(folder, new HostBackend(precision, threads));
  }

  static Transformer load(Path folder, Backend backend) {
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      return Transformer.load(checkpoint, Families.spec(checkpoint.config()), backend, _ -> {});
    }
  }

  /** As many prompts of random ids as the batch has; what they say does not change the work. */
  static List<int[]> prompts(int batch, ModelSpec spec) {
    Random random = new Random(1);
    List<int[]> prompts = new ArrayList<>();
    for (int i = 0; i < batch; i++) {
      prompts.add(
          IntStream.generate(() -> random.nextInt(spec.vocabulary()))
              .filter(id -> id != spec.maskId())
              .limit(PROMPT)
              .toArray());
    }
    return prompts;
  }

  /** A first step: every prompt, {@value #CANVAS} masks after it, and all of these asked for. */
  static List<Query> queries(int batch, ModelSpec spec) {
    int[] rows = IntStream.range(PROMPT, PROMPT + CANVAS).toArray();
    List<Query> queries = new ArrayList<>();
    for (int[] prompt : prompts(batch, spec)) {
      int[] tokens = Arrays.copyOf(prompt, PROMPT + CANVAS);
      Arrays.fill(tokens, PROMPT, tokens.length, spec.maskId());
      queries.add(new Query(tokens, 0, rows, 0, Draw.GREEDY, Optional.empty()));
    }
    return queries;
  }
}
