package dev.palimpsest.engine.model;

/** What a feed-forward's gate goes through before it multiplies (Shazeer, 2020). */
public enum Gate {
  /** {@code x / (1 + e^-x)}: SwiGLU. */
  SILU,
  /**
   * {@code x / 2 · (1 + tanh(sqrt(2/pi) · (x + 0.044715 · x³)))}: GEGLU with the approximation of
   * Hendrycks and Gimpel (2016).
   */
  TANH_GELU
}
