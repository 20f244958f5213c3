package dev.palimpsest.engine.forward;

import dev.palimpsest.engine.backend.Backend;
import dev.palimpsest.engine.backend.KvLayer;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.step.AttentionPattern;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * The KV cache: keys and values of a prefix of tokens, from step to step. In a causal or
 * block-causal model they are a pure function of the tokens up to there, so caching them changes no
 * result.
 *
 * @param prefixes which tokens are where
 * @param layers keys and values of every layer
 * @param bytes that they take when all slots are used
 */
record KvCache(PrefixCache prefixes, List<KvLayer> layers, long bytes) {
  private static final int SMALLEST_PAGE = 16;

  /**
   * Room for as many tokens as fit, counted in f32; nothing where attention looks ahead of every
   * token, or where not even one page fits.
   */
  static Optional<KvCache> within(long bytes, ModelSpec spec, Backend backend) {
    int unit = unit(spec);
    int pages = pages(bytes, spec, unit);
    if (pages == 0) {
      return Optional.empty();
    }
    int pageTokens = pageTokens(unit);
    List<KvLayer> layers =
        IntStream.range(0, spec.layers())
            .mapToObj(layer -> backend.openKvLayer(pages * pageTokens, columns(spec, layer)))
            .toList();
    return Optional.of(
        new KvCache(new PrefixCache(pages, pageTokens, unit), layers, bytes(bytes, spec)));
  }

  /** Bytes that {@link #within} takes of so many. */
  static long bytes(long bytes, ModelSpec spec) {
    int unit = unit(spec);
    return unit == 0 ? 0 : pages(bytes, spec, unit) * pageBytes(spec, unit);
  }

  /** Tokens whose keys depend on each other; 0 where all do. */
  private static int unit(ModelSpec spec) {
    return switch (spec.attention().pattern()) {
      case AttentionPattern.Full _ -> 0;
      case AttentionPattern.Causal _,
          AttentionPattern.CausalContext _,
          AttentionPattern.KnownFirst _,
          AttentionPattern.Canvas _ ->
          1;
      case AttentionPattern.BlockCausal(int length) -> length;
      case AttentionPattern.BlocksFromEnd(int length) -> length;
    };
  }

  private static int pages(long bytes, ModelSpec spec, int unit) {
    return unit == 0
        ? 0
        : (int) Math.min(bytes / pageBytes(spec, unit), Integer.MAX_VALUE / pageTokens(unit));
  }

  /** Bytes of a token's keys and values; 0 where none can be cached. */
  static long tokenBytes(ModelSpec spec) {
    return unit(spec) == 0 ? 0 : pageBytes(spec, 1) / pageTokens(1);
  }

  private static long pageBytes(ModelSpec spec, int unit) {
    long columns = 0;
    for (int layer = 0; layer < spec.layers(); layer++) {
      columns += columns(spec, layer);
    }
    return pageTokens(unit) * columns * Float.BYTES;
  }

  private static int pageTokens(int unit) {
    return Math.ceilDiv(SMALLEST_PAGE, unit) * unit;
  }

  private static int columns(ModelSpec spec, int layer) {
    return 2 * spec.attention(layer).keyWidth();
  }

  /** Bytes of the pages that hold tokens. */
  long bytesUsed() {
    return bytes / prefixes.capacity() * prefixes.pagesUsed();
  }

  /** Tokens that there is room for. */
  long tokens() {
    return layers.getFirst().slots();
  }

  /** How large it may become, in words. */
  String describe() {
    return String.format(
        Locale.ROOT,
        "KV cache of up to %,d tokens (%.0f MB)",
        layers.getFirst().slots(),
        bytes / 1e6);
  }
}
