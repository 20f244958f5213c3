package dev.palimpsest.engine.text;

import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.huggingface.tokenizers.jni.CharSpan;
import dev.palimpsest.engine.checkpoint.CheckpointException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.BitSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * A Hugging Face {@code tokenizer.json}, run by the library that defines the format (through DJL).
 *
 * <p>Never goes online. Safe for use by many threads until it is closed.
 */
public final class Tokenizer implements AutoCloseable {
  /** Whatever the file says: no truncation, no padding, nothing added. */
  private static final Map<String, String> OPTIONS =
      Map.of("truncation", "false", "padding", "false", "addSpecialTokens", "false");

  private final Path file;
  private final HuggingFaceTokenizer tokenizer;
  private final Path folder;
  private final Map<String, Integer> ids;
  private final List<String> controlTokens;
  private final boolean splitsSpecialTokens;
  private final int vocabularySize;
  private final OptionalInt unknownId;
  private final BitSet texts = new BitSet();
  private @Nullable HuggingFaceTokenizer guarded;

  private Tokenizer(Path folder, TokenizerJson json, HuggingFaceTokenizer tokenizer) {
    this.file = json.file();
    this.tokenizer = tokenizer;
    this.ids = json.ids();
    this.controlTokens = json.controlTokens();
    this.splitsSpecialTokens = json.splitsSpecialTokens();
    this.vocabularySize = ids.values().stream().mapToInt(id -> id + 1).max().orElse(0);
    this.unknownId = unknownId(json.model(), ids);
    this.folder = folder;
    ids.values().forEach(texts::set);
    controlTokens.stream().map(ids::get).filter(Objects::nonNull).forEach(texts::clear);
    unknownId.ifPresent(texts::clear);
  }

  /**
   * The tokenizer for texts with guards. Its file is read again where it is needed, which is
   * seldom: kept, its parts would take much room.
   */
  private synchronized HuggingFaceTokenizer guarded() {
    if (guarded == null) {
      byte[] bytes = TokenizerJson.read(folder, _ -> {}).guarded();
      guarded = built(file, new ByteArrayInputStream(bytes));
    }
    return guarded;
  }

  /**
   * Opens the tokenizer in {@code folder}.
   *
   * @throws CheckpointException if it is missing or malformed, or the native library cannot run
   *     here
   */
  public static Tokenizer open(Path folder) {
    return open(folder, _ -> {});
  }

  /**
   * Opens the tokenizer in {@code folder}.
   *
   * @param notices is told what of its files is not heeded
   * @throws CheckpointException if it is missing or malformed, or the native library cannot run
   *     here
   */
  public static Tokenizer open(Path folder, Consumer<String> notices) {
    TokenizerJson json = TokenizerJson.read(folder, notices);
    HuggingFaceTokenizer built;
    try (InputStream stream =
        json.isAsStored()
            ? Files.newInputStream(json.file())
            : new ByteArrayInputStream(json.bytes())) {
      built = built(json.file(), stream);
    } catch (IOException e) {
      throw new CheckpointException("%s: cannot be read: %s.".formatted(json.file(), reason(e)), e);
    }
    Tokenizer tokenizer = new Tokenizer(folder, json, built);
    json.joined().forEach(tokenizer::requireId);
    return tokenizer;
  }

  /** The library numbers tokens itself. */
  private void requireId(String token) {
    int[] found = encode(token);
    if (found.length != 1 || found[0] != ids.getOrDefault(token, -1)) {
      close();
      throw new CheckpointException(
          "%s: the added token \"%s\" has id %s, but becomes %s."
              .formatted(file, token, ids.get(token), Arrays.toString(found)));
    }
  }

  /** Whether a folder has the files of a tokenizer. */
  public static boolean isIn(Path folder) {
    return TokenizerJson.isIn(folder);
  }

  /** The files of a folder that its vocabulary is in, for people. */
  public static String source(Path folder) {
    return TokenizerJson.source(folder);
  }

  private static HuggingFaceTokenizer built(Path file, InputStream stream) {
    if (TokenizerLibrary.failure().isPresent()) {
      throw new CheckpointException(
          "%s: the tokenizer cannot run here: %s."
              .formatted(file, TokenizerLibrary.failure().get()));
    }
    try {
      return HuggingFaceTokenizer.newInstance(stream, OPTIONS);
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

  private static OptionalInt unknownId(JsonNode model, Map<String, Integer> ids) {
    if (model.path("unk_id").canConvertToInt() && model.path("unk_id").isIntegralNumber()) {
      return OptionalInt.of(model.path("unk_id").intValue());
    }
    Integer id = ids.get(model.path("unk_token").asString(""));
    return id == null ? OptionalInt.empty() : OptionalInt.of(id);
  }

  /**
   * The same text, with marks in the control tokens that are written in it, so that {@link #encode}
   * takes them for what they spell. The marks do not become tokens.
   */
  public String literal(String text) {
    NavigableSet<Integer> marks = new TreeSet<>();
    for (String token : controlTokens) {
      if (token.codePointCount(0, token.length()) > 1) {
        int inside = Character.charCount(token.codePointAt(0));
        for (int at = text.indexOf(token); at >= 0; at = text.indexOf(token, at + 1)) {
          marks.add(at + inside);
        }
      }
    }
    if (marks.isEmpty()) {
      return text;
    }
    StringBuilder marked = new StringBuilder(text);
    marks.descendingSet().forEach(mark -> marked.insert(mark, TokenizerJson.GUARD));
    return marked.toString();
  }

  /** Whether {@code tokenizer_config.json} asks that control tokens stay text wherever they are. */
  public boolean splitsSpecialTokens() {
    return splitsSpecialTokens;
  }

  /**
   * The tokens of {@code text}: special tokens written in it are recognised, none is added, nothing
   * is cut.
   *
   * @throws CheckpointException if the text needs an unknown token and the vocabulary has none
   */
  public int[] encode(String text) {
    return ids(encoding(text, false));
  }

  /**
   * The tokens of a text that stands alone: as above, with those that the post-processor puts
   * around it, such as one that begins a text.
   */
  public int[] encodeAlone(String text) {
    return ids(encoding(text, true));
  }

  private static int[] ids(Encoding encoding) {
    return Arrays.stream(encoding.getIds()).mapToInt(Math::toIntExact).toArray();
  }

  private Encoding encoding(String text, boolean alone) {
    try {
      boolean marked = text.contains(TokenizerJson.GUARD);
      return (marked ? guarded() : tokenizer).encode(wellFormed(text), alone, false);
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
   * Whether {@code id} is of a token that stands for the text it spells: no control token, not the
   * unknown one, and no number that no token has.
   */
  public boolean isText(int id) {
    return id >= 0 && texts.get(id);
  }

  /**
   * The distinct parts of {@code text} that became unknown tokens, in order, without outer spaces.
   */
  public List<String> unknownWords(String text) {
    if (unknownId.isEmpty()) {
      return List.of();
    }
    String clean = wellFormed(text);
    Encoding encoding = encoding(clean, false);
    long[] tokens = encoding.getIds();
    CharSpan[] spans = encoding.getCharTokenSpans();
    int[] codePoints = clean.codePoints().toArray();
    Set<String> words = new LinkedHashSet<>();
    for (int i = 0; i < tokens.length; i++) {
      CharSpan span = spans[i];
      if (tokens[i] == unknownId.getAsInt() && span != null) {
        String part = new String(codePoints, span.getStart(), span.getEnd() - span.getStart());
        String word = part.replace(TokenizerJson.GUARD, "");
        words.add(word.isBlank() ? word : word.strip());
      }
    }
    words.removeIf(word -> id(word).equals(unknownId));
    return List.copyOf(words);
  }

  /** Frees the native tokenizer; closing twice does nothing. */
  @Override
  public synchronized void close() {
    tokenizer.close();
    if (guarded != null) {
      guarded.close();
    }
  }
}
