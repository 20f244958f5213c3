package dev.palimpsest.sampler.run;

import dev.palimpsest.sampler.canvas.SnapshotListener;
import dev.palimpsest.sampler.method.SamplingOptions;

/** A prompt, how to answer it, and who listens. */
public final class Request {
  private final int[] prompt;
  private final SamplingOptions options;
  private final SnapshotListener listener;

  /** A request; the prompt is copied and may be empty. */
  public Request(int[] prompt, SamplingOptions options, SnapshotListener listener) {
    this.prompt = prompt.clone();
    this.options = options;
    this.listener = listener;
  }

  /** A copy of the prompt's ids. */
  public int[] prompt() {
    return prompt.clone();
  }

  /** How to generate. */
  public SamplingOptions options() {
    return options;
  }

  /** Hears of every step. */
  public SnapshotListener listener() {
    return listener;
  }
}
