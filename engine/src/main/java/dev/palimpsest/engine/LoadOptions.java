package dev.palimpsest.engine;

import dev.palimpsest.engine.model.Blocks;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.DoubleConsumer;

/**
 * How a model is loaded.
 *
 * @param compute what it is to be computed on
 * @param blocks that a model's sampler writes in, for a model whose attention is in blocks; if not
 *     given, what its {@code generation_config.json} recommends, else those of its configuration.
 *     Other models have none
 * @param warmUp whether a small model that is ready before its text takes a step over masks
 *     meanwhile, so that the first real one finds some of its code compiled
 * @param notice is told, in one sentence, why a device that was to be found is not used
 * @param progress is told the share of the weights that is loaded, from 0 to 1
 */
public record LoadOptions(
    Compute compute,
    Optional<Blocks> blocks,
    boolean warmUp,
    Consumer<String> notice,
    DoubleConsumer progress) {

  /** On this, and nothing else asked for. */
  public static LoadOptions on(Compute compute) {
    return new LoadOptions(compute, Optional.empty(), false, _ -> {}, _ -> {});
  }

  /** The same with these blocks, if some are given. */
  public LoadOptions withBlocks(Optional<Blocks> some) {
    return new LoadOptions(compute, some, warmUp, notice, progress);
  }

  /** The same with a warm-up. */
  public LoadOptions withWarmUp() {
    return new LoadOptions(compute, blocks, true, notice, progress);
  }

  /** The same with someone who is told of devices that are not used. */
  public LoadOptions withNotice(Consumer<String> told) {
    return new LoadOptions(compute, blocks, warmUp, told, progress);
  }

  /** The same with someone who watches the progress. */
  public LoadOptions withProgress(DoubleConsumer watcher) {
    return new LoadOptions(compute, blocks, warmUp, notice, watcher);
  }
}
