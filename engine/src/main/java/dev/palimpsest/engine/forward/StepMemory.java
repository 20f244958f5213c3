package dev.palimpsest.engine.forward;

import dev.palimpsest.engine.backend.Activation;
import dev.palimpsest.engine.backend.StepArena;
import dev.palimpsest.engine.model.Experts;
import dev.palimpsest.engine.model.ModelSpec;
import java.util.stream.IntStream;

/**
 * The activations of one step, used again by every block.
 *
 * @param x the residual stream, [tokens, hidden]
 * @param normed [tokens, hidden]
 * @param qkv queries, keys and values side by side
 * @param attended [tokens, heads · head size]
 * @param gateUp gate and up side by side, [tokens, 2 · widest feed-forward]
 * @param activated [tokens, widest feed-forward]
 * @param outputs of the chosen experts, [tokens, experts per token · hidden]; no columns without
 *     them
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
    Activation outputs,
    Activation askedNormed,
    Activation askedX) {

  static StepMemory allocate(StepArena arena, ModelSpec spec, int tokens, int askedRows) {
    int queryWidth = spec.attention().queryWidth();
    int keyWidth = spec.attention().keyWidth();
    int width = denseWidth(spec);
    return new StepMemory(
        arena.allocate(tokens, spec.hidden()),
        arena.allocate(tokens, spec.hidden()),
        arena.allocate(tokens, queryWidth + 2 * keyWidth),
        arena.allocate(tokens, queryWidth),
        arena.allocate(tokens, 2 * width),
        arena.allocate(tokens, width),
        arena.allocate(
            tokens, spec.feedForward().experts().map(Experts::perToken).orElse(0) * spec.hidden()),
        arena.allocate(askedRows, spec.hidden()),
        arena.allocate(askedRows, spec.hidden()));
  }

  /** The same memory for fewer tokens; what is of the asked rows stays. */
  StepMemory firstRows(int tokens) {
    return new StepMemory(
        x.firstRows(tokens),
        normed.firstRows(tokens),
        qkv.firstRows(tokens),
        attended.firstRows(tokens),
        gateUp.firstRows(tokens),
        activated.firstRows(tokens),
        outputs.firstRows(tokens),
        askedNormed,
        askedX);
  }

  /** The widest feed-forward that every token of some layer uses. */
  private static int denseWidth(ModelSpec spec) {
    int shared = spec.feedForward().experts().map(Experts::sharedWidth).orElse(0);
    boolean anyDense = IntStream.range(0, spec.layers()).anyMatch(spec.feedForward()::isDense);
    return Math.max(anyDense ? spec.feedForward().width() : 0, shared);
  }
}
