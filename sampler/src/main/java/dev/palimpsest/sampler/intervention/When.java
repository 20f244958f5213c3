package dev.palimpsest.sampler.intervention;

/** When an intervention happens. Steps count over all rounds, from 0. */
public sealed interface When {

  /**
   * Whether the intervention happens now.
   *
   * @param steps taken so far
   * @param blockDone whether the last step was the last of a block
   * @param roundDone whether the sampler is done and another round follows
   */
  boolean isNow(int steps, boolean blockDone, boolean roundDone);

  /** Right before one step. */
  record Before(int step) implements When {
    @Override
    public boolean isNow(int steps, boolean blockDone, boolean roundDone) {
      return steps == step;
    }
  }

  /** After every so many steps. */
  record Every(int count) implements When {
    @Override
    public boolean isNow(int steps, boolean blockDone, boolean roundDone) {
      return steps > 0 && steps % count == 0;
    }
  }

  /** After the last step of every block. */
  record EveryBlock() implements When {
    @Override
    public boolean isNow(int steps, boolean blockDone, boolean roundDone) {
      return blockDone;
    }
  }

  /** When the sampler is done and another round follows. */
  record EveryRound() implements When {
    @Override
    public boolean isNow(int steps, boolean blockDone, boolean roundDone) {
      return roundDone;
    }
  }
}
