package dev.palimpsest.engine.text;

import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.huggingface.tokenizers.jni.CharSpan;
import dev.palimpsest.engine.checkpoint.CheckpointException;
import dev.palimpsest.engine.checkpoint.JsonFile;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/**
 * A Hugging Face {@code tokenizer.json}, run by the library that defines the format (through DJL).
 *
 * <p>Never goes online. Safe for use by many threads until it is closed.
 */
public final class Tokenizer implements AutoCloseable {
  private static final String FILE = "tokenizer.json";

  /** Whatever the file says: no truncation, no padding, nothing added. */
  private static final Map<String, String> OPTIONS =
      Map.of("truncation", "false", "padding", "false", "addSpecialTokens", "false");

  private final Path file;
  private final HuggingFaceTokenizer tokenizer;
  private final Map<String, Integer> ids;
  private final int vocabularySize;
  private final OptionalInt unknownId;

  private Tokenizer(
      Path file, HuggingFaceTokenizer tokenizer, Map<String, Integer> ids, OptionalInt unknownId) {
    this.file = file;
    this.tokenizer = tokenizer;
    this.ids = ids;
    this.vocabularySize = ids.values().stream().mapToInt(id -> id + 1).max().orElse(0);
    this.unknownId = unknownId;
  }

  /**
   * Opens the {@code tokenizer.json} in {@code folder}.
   *
   * @throws CheckpointException if it is missing or malformed, or the native library cannot run
   *     here
   */
  public static Tokenizer open(Path folder) {
    Path file = folder.resolve(FILE);
    if (!Files.isRegularFile(file)) {
      throw new CheckpointException(
          "%s: the folder has no %s, so text cannot become tokens.".formatted(folder, FILE));
    }
    JsonNode json = JsonFile.readObject(file);
    Map<String, Integer> ids = ids(file, json);
    OptionalInt unknownId = unknownId(json.path("model"), ids);
    if (TokenizerLibrary.failure().isPresent()) {
      throw new CheckpointException(
          "%s: the tokenizer cannot run here: %s."
              .formatted(file, TokenizerLibrary.failure().get()));
    }
    try (InputStream stream = Files.newInputStream(file)) {
      return new Tokenizer(file, HuggingFaceTokenizer.newInstance(stream, OPTIONS), ids, unknownId);
    } catch (IOException | RuntimeException e) {
      throw new CheckpointException(
          "%s: the tokenizer cannot be built: %s.".formatted(file, reason(e)), e);
    }
  }

  /**
   * Loads the native library, which takes longer than opening a tokenizer. If that fails, {@link
   * #open} says why.
   *
   * @return whether it is loaded
   */
  public static boolean prepare() {
    return TokenizerLibrary.failure().isEmpty();
  }

  private static String reason(Throwable e) {
    return e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
  }

  private static Map<String, Integer> ids(Path file, JsonNode json) {
    Map<String, Integer> ids = new HashMap<>();
    JsonNode vocabulary = json.path("model").path("vocab");
    if (vocabulary.isObject()) {
      vocabulary.properties().forEach(e -> put(file, ids, e.getKey(), e.getValue()));
    } else if (vocabulary.isArray()) {
      // Unigram: an array of [token, score], where the index is the id.
      int id = 0;
      for (JsonNode entry : vocabulary.values()) {
        ids.put(entry.path(0).asString(""), id++);
      }
    } else {
      throw new CheckpointException(file + ": model.vocab is missing.");
    }
    for (JsonNode token : json.path("added_tokens").values()) {
      put(file, ids, token.path("content").asString(""), token.path("id"));
    }
    return ids;
  }

  private static void put(Path file, Map<String, Integer> ids, String token, JsonNode id) {
    if (!id.isIntegralNumber()
        || !id.canConvertToInt()
        || id.intValue() < 0
        || id.intValue() == Integer.MAX_VALUE) {
      throw new CheckpointException(
          "%s: the token \"%s\" has id %s, which is not a token id.".formatted(file, token, id));
    }
    ids.put(token, id.intValue());
  }

  private static OptionalInt unknownId(JsonNode model, Map<String, Integer> ids) {
    if (model.path("unk_id").canConvertToInt() && model.path("unk_id").isIntegralNumber()) {
      return OptionalInt.of(model.path("unk_id").intValue());
    }
    Integer id = ids.get(model.path("unk_token").asString(""));
    return id == null ? OptionalInt.empty() : OptionalInt.of(id);
  }

  /**
   * The tokens of {@code text}: special tokens written in it are recognised, none is added, nothing
   * is cut.
   *
   * @throws CheckpointException if the text needs an unknown token and the vocabulary has none
   */
  public int[] encode(String text) {
    long[] encoded = encoding(text).getIds();
    int[] tokens = new int[encoded.length];
    for (int i = 0; i < tokens.length; i++) {
      tokens[i] = Math.toIntExact(encoded[i]);
    }
    return tokens;
  }

  private Encoding encoding(String text) {
    try {
      return tokenizer.encode(wellFormed(text), false, false);
    } catch (IllegalStateException e) {
      throw e;
    } catch (RuntimeException e) {
      throw new CheckpointException(
          "%s: the tokenizer cannot take the text: %s.".formatted(file, reason(e)), e);
    }
  }

  /** Lone surrogates, which the native side cannot take, become U+FFFD. */
  private static String wellFormed(String text) {
    StringBuilder clean = new StringBuilder(text.length());
    text.codePoints()
        .map(c -> Character.MIN_SURROGATE <= c && c <= Character.MAX_SURROGATE ? 0xFFFD : c)
        .forEach(clean::appendCodePoint);
    return clean.toString();
  }

  /** The text of {@code ids}; ids that the tokenizer does not have contribute nothing. */
  public String decode(int[] ids, boolean skipSpecialTokens) {
    long[] tokens = new long[ids.length];
    for (int i = 0; i < tokens.length; i++) {
      if (ids[i] < 0) {
        throw new IllegalArgumentException("token id " + ids[i] + " is negative");
      }
      tokens[i] = ids[i];
    }
    return tokenizer.decode(tokens, skipSpecialTokens);
  }

  /**
   * What {@code id} adds to a text that it continues, special tokens included; empty for an id that
   * the tokenizer does not have.
   *
   * <p>It is what the second of two equal tokens adds, since some decoders drop the space before a
   * text's first token. A token that is only part of a character shows as U+FFFD.
   */
  public String piece(int id) {
    String once = decode(new int[] {id}, false);
    String twice = decode(new int[] {id, id}, false);
    return twice.startsWith(once) ? twice.substring(once.length()) : once;
  }

  /** The id of a token, special or not, as the vocabulary spells it. */
  public OptionalInt id(String token) {
    Integer id = ids.get(token);
    return id == null ? OptionalInt.empty() : OptionalInt.of(id);
  }

  /** One more than the highest id, added tokens included. */
  public int vocabularySize() {
    return vocabularySize;
  }

  /** The id that stands for text outside the vocabulary, where there is one. */
  public OptionalInt unknownId() {
    return unknownId;
  }

  /**
   * The distinct parts of {@code text} that became unknown tokens, in order, without outer spaces.
   */
  public List<String> unknownWords(String text) {
    if (unknownId.isEmpty()) {
      return List.of();
    }
    String clean = wellFormed(text);
    Encoding encoding = encoding(clean);
    long[] tokens = encoding.getIds();
    CharSpan[] spans = encoding.getCharTokenSpans();
    Set<String> words = new LinkedHashSet<>();
    for (int i = 0; i < tokens.length; i++) {
      CharSpan span = spans[i];
      if (tokens[i] == unknownId.getAsInt() && span != null) {
        int start = clean.offsetByCodePoints(0, span.getStart());
        int end = clean.offsetByCodePoints(start, span.getEnd() - span.getStart());
        String word = clean.substring(start, end);
        words.add(word.isBlank() ? word : word.strip());
      }
    }
    words.removeIf(word -> id(word).equals(unknownId));
    return List.copyOf(words);
  }

  /** Frees the native tokenizer; closing twice does nothing. */
  @Override
  public void close() {
    tokenizer.close();
  }
}
