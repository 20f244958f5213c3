package dev.palimpsest.engine.device;

/** What a backend multiplies; sums are f32 in either. */
public enum Precision {
  F32,
  BF16
}
