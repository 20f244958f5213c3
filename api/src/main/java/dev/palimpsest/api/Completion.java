package dev.palimpsest.api;

import dev.palimpsest.sampler.run.Generation;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One row of many answers, as batch files and data frames hold it: a text and its cost, or why
 * there is none.
 *
 * @param id whatever its prompt was named by
 * @param text without what ends it; null if there is an error
 * @param tokens the text's ids
 * @param finishReason {@code stop} before a stop id, {@code length} at the end of the canvas,
 *     {@code cancelled} if the run was stopped before; null if there is an error
 * @param nfe forwards run ({@link Generation#forwards})
 * @param tpf tokens of the text per forward
 * @param firstSnapshotSeconds from submission to the end of the first step
 * @param seconds from submission to the end of the last step
 * @param seed of its randomness
 * @param error a sentence; null if there is a text
 */
public record Completion(
    String id,
    @Nullable String text,
    List<Integer> tokens,
    @Nullable String finishReason,
    int nfe,
    double tpf,
    double firstSnapshotSeconds,
    double seconds,
    long seed,
    @Nullable String error) {
  private static final double NANOS = 1e9;

  /** Takes its own copy. */
  public Completion {
    tokens = List.copyOf(tokens);
  }

  /** The row of a text. */
  public static Completion of(String id, LanguageModel.Text text, long seed) {
    Generation generation = text.generation();
    return new Completion(
        id,
        text.text(),
        Arrays.stream(generation.tokens()).boxed().toList(),
        text.finishReason(),
        generation.forwards(),
        generation.tokensPerForward(),
        generation.firstSnapshotNanos() / NANOS,
        generation.totalNanos() / NANOS,
        seed,
        null);
  }

  /** The row of a prompt that got no text. */
  public static Completion failed(String id, long seed, String error) {
    return new Completion(id, null, List.of(), null, 0, 0, 0, 0, seed, error);
  }

  /**
   * The columns of a row and their values, in their order.
   *
   * @param timings whether {@code first_snapshot_seconds} and {@code seconds} are among them: they
   *     alone differ from run to run
   */
  public Map<String, @Nullable Object> columns(boolean timings) {
    Map<String, @Nullable Object> columns = new LinkedHashMap<>();
    columns.put("id", id);
    columns.put("text", text);
    columns.put("tokens", tokens);
    columns.put("finish_reason", finishReason);
    columns.put("nfe", nfe);
    columns.put("tpf", tpf);
    if (timings) {
      columns.put("first_snapshot_seconds", firstSnapshotSeconds);
      columns.put("seconds", seconds);
    }
    columns.put("seed", seed);
    columns.put("error", error);
    return Collections.unmodifiableMap(columns);
  }
}
