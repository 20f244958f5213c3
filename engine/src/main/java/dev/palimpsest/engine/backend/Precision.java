package dev.palimpsest.engine.backend;

/** How a backend holds weights and multiplies matrices; sums are f32 in either. */
public enum Precision {
  F32,
  BF16
}
