package dev.palimpsest.engine.backend;

/**
 * Where the keys of a step lie whose leading ones are in the KV cache: those of a sequence are its
 * cached ones, then the last of its rows that this step computes.
 *
 * @param keyStarts where each sequence's keys start among all keys, and their number
 * @param starts where each sequence's computed rows start, and their number
 * @param keys cached keys among all keys, ascending
 * @param slots the KV cache's slot of each cached key
 * @param keyRows the key among all keys that belongs to each computed row
 */
public record CachedKeys(int[] keyStarts, int[] starts, int[] keys, int[] slots, int[] keyRows) {}
