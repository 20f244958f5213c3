package dev.palimpsest.engine.backend;

/**
 * The KV cache of one layer, [slots, 2 · key width]: the key and the value of a token side by side,
 * in the precision of activations. It outlives a step; what is read back has the bits that were
 * written.
 */
public interface KvLayer {
  int slots();

  /** Elements of a slot: 2 · key width. */
  int columns();
}
