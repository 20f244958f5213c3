package dev.palimpsest.sampler.canvas;

/** Hears of every step of a run, on the thread that drives it, before the next step begins. */
@FunctionalInterface
public interface SnapshotListener {
  /** A listener that ignores every step. */
  SnapshotListener NONE = _ -> {};

  /** Called once per step. What it throws reaches the caller of the driver's step. */
  void snapshot(Snapshot snapshot);
}
