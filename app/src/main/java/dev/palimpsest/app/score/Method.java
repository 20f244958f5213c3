package dev.palimpsest.app.score;

/** The names of the estimators. */
enum Method {
  CHAIN,
  ELBO_MC,
  ELBO_EXACT,
  COUPLED,
  EXACT;

  /** Whether it draws masks. */
  boolean draws() {
    return this == ELBO_MC || this == COUPLED;
  }
}
