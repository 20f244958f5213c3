package dev.palimpsest.engine.backend;

/** What a backend multiplies; sums are f32 in either. */
public enum Precision {
  F32,
  BF16
}
