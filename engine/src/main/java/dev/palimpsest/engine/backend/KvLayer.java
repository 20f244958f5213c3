package dev.palimpsest.engine.backend;

/**
 * A matrix in a backend's memory that outlives a step, [rows, columns], in the precision of
 * activations: what is read back has the bits that were written.
 */
public interface KvLayer {
  int rows();

  int columns();
}
