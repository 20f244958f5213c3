package dev.palimpsest.engine.forward;

import dev.palimpsest.engine.backend.Activation;
import dev.palimpsest.engine.backend.StepArena;
import dev.palimpsest.engine.model.Canvas;
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
 * @param first what a part of a block gives before it is normalized, [tokens, hidden]; no columns
 *     where nothing is, nor is there a canvas
 * @param second as {@code first}
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
    Activation first,
    Activation second,
    Activation askedNormed,
    Activation askedX) {

  static StepMemory allocate(StepArena arena, ModelSpec spec, int tokens, int askedRows) {
    int queryWidth = spec.queryWidth();
    int projected =
        spec.attentions().stream()
            .mapToInt(each -> each.queryWidth() + 2 * each.keyWidth())
            .max()
            .orElseThrow();
    int width = denseWidth(spec);
    boolean isApart = spec.stream().norms().areAfter() || spec.canvas().isPresent();
    int apart = isApart ? spec.hidden() : 0;
    return new StepMemory(
        arena.allocate(tokens, spec.hidden()),
        arena.allocate(tokens, spec.hidden()),
        arena.allocate(tokens, projected),
        arena.allocate(tokens, queryWidth),
        arena.allocate(tokens, 2 * width),
        arena.allocate(tokens, width),
        arena.allocate(
            tokens, spec.feedForward().experts().map(Experts::perToken).orElse(0) * spec.hidden()),
        arena.allocate(tokens, apart),
        arena.allocate(tokens, apart),
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
        first.firstRows(tokens),
        second.firstRows(tokens),
        askedNormed,
        askedX);
  }

  /** The widest feed-forward that every token of some layer uses. */
  private static int denseWidth(ModelSpec spec) {
    int shared = spec.feedForward().experts().map(Experts::sharedWidth).orElse(0);
    boolean anyDense = IntStream.range(0, spec.layers()).anyMatch(spec.feedForward()::isDense);
    int told = spec.canvas().map(Canvas::selfConditioningWidth).orElse(0);
    return Math.max(told, Math.max(anyDense ? spec.feedForward().width() : 0, shared));
  }
}
