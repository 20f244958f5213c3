package dev.palimpsest.engine.forward;

import dev.palimpsest.engine.backend.Activation;
import dev.palimpsest.engine.backend.StepArena;
import dev.palimpsest.engine.model.ModelSpec;

/**
 * The activations of one step, used again by every block.
 *
 * @param x the residual stream, [tokens, hidden]
 * @param normed [tokens, hidden]
 * @param qkv queries, keys and values side by side
 * @param attended [tokens, heads · head size]
 * @param gateUp gate and up side by side, [tokens, 2 · feed-forward]
 * @param activated [tokens, feed-forward]
 * @param askedNormed [asked rows, hidden]
 * @param askedX [asked rows, hidden]
 */
record StepMemory(
    Activation x,
    Activation normed,
    Activation qkv,
    Activation attended,
    Activation gateUp,
    Activation activated,
    Activation askedNormed,
    Activation askedX) {

  static StepMemory allocate(StepArena arena, ModelSpec spec, int tokens, int askedRows) {
    int queryWidth = spec.heads() * spec.headSize();
    int keyWidth = spec.keyValueHeads() * spec.headSize();
    return new StepMemory(
        arena.allocate(tokens, spec.hidden()),
        arena.allocate(tokens, spec.hidden()),
        arena.allocate(tokens, queryWidth + 2 * keyWidth),
        arena.allocate(tokens, queryWidth),
        arena.allocate(tokens, 2 * spec.feedForward()),
        arena.allocate(tokens, spec.feedForward()),
        arena.allocate(askedRows, spec.hidden()),
        arena.allocate(askedRows, spec.hidden()));
  }
}
