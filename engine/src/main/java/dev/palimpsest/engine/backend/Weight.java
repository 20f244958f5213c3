package dev.palimpsest.engine.backend;

/** A matrix of a model in a backend's memory, [rows, columns]; a vector is one row. */
public interface Weight {
  int rows();

  int columns();

  /** Memory that it takes. */
  long bytes();
}
