package dev.palimpsest.engine.text;

import dev.palimpsest.engine.checkpoint.CheckpointException;
import dev.palimpsest.engine.checkpoint.JsonFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * The whole of a tokenizer as one {@code tokenizer.json}, from all files of a folder that have a
 * part of it, as Transformers puts it together: {@code tokenizer.json} itself or {@code vocab.json}
 * and {@code merges.txt}, and the tokens that {@code tokenizer_config.json}, {@code
 * added_tokens.json} and {@code special_tokens_map.json} add.
 *
 * <p>Dropout, by which a tokenizer in training draws how a text is cut, is left out.
 */
final class TokenizerJson {
  /**
   * What is put into a control token so that it stays text: two characters that Unicode sets aside
   * for a program's own use and that no text exchanges.
   */
  static final String GUARD = "\ufdd0\ufdd1";

  private static final String FILE = "tokenizer.json";
  private static final String CONFIG = "tokenizer_config.json";
  private static final String VOCABULARY = "vocab.json";
  private static final String MERGES = "merges.txt";

  private static final JsonMapper MAPPER = JsonMapper.shared();

  /** The pieces that Qwen2's tokenizer cuts a text into before the merges. */
  private static final String QWEN2_PATTERN =
      "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*"
          + "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

  private static final Set<String> QWEN2 =
      Set.of("Qwen2Tokenizer", "Qwen2TokenizerFast", "DreamTokenizer");
  private static final Set<String> GPT2 = Set.of("GPT2Tokenizer", "GPT2TokenizerFast");

  private final Path file;
  private final ObjectNode root;
  private final JsonNode config;
  private final Map<String, Integer> ids;
  private final Set<String> joined = new LinkedHashSet<>();
  private int next;
  private boolean asStored;

  private TokenizerJson(Path file, ObjectNode root, JsonNode config, boolean asStored) {
    this.file = file;
    this.root = root;
    this.config = config;
    this.asStored = asStored;
    ids = ids(file, root);
    next = ids.values().stream().mapToInt(id -> id + 1).max().orElse(0);
  }

  /**
   * Reads a folder.
   *
   * @param notices is told what is not heeded
   * @throws CheckpointException if the folder has no tokenizer, or a file is malformed
   */
  static TokenizerJson read(Path folder, Consumer<String> notices) {
    JsonNode config = optional(folder.resolve(CONFIG));
    TokenizerJson tokenizer =
        Files.isRegularFile(folder.resolve(FILE))
            ? stored(folder.resolve(FILE), config)
            : assembled(folder, config);
    tokenizer.leaveOutDropout(notices);
    tokenizer.join(folder);
    return tokenizer;
  }

  /** Whether the folder has the files that {@link #read} needs. */
  static boolean isIn(Path folder) {
    return Files.isRegularFile(folder.resolve(FILE))
        || (Files.isRegularFile(folder.resolve(VOCABULARY))
            && Files.isRegularFile(folder.resolve(MERGES)));
  }

  /** The files that the folder's vocabulary is in, for people. */
  static String source(Path folder) {
    return Files.isRegularFile(folder.resolve(FILE))
        ? FILE
        : Files.isRegularFile(folder.resolve(VOCABULARY))
            ? VOCABULARY + " and " + MERGES
            : "none: text cannot become tokens here";
  }

  private static TokenizerJson stored(Path file, JsonNode config) {
    return new TokenizerJson(file, (ObjectNode) JsonFile.readObject(file), config, true);
  }

  private static TokenizerJson assembled(Path folder, JsonNode config) {
    Path vocabulary = folder.resolve(VOCABULARY);
    Path merges = folder.resolve(MERGES);
    if (!Files.isRegularFile(vocabulary) || !Files.isRegularFile(merges)) {
      throw new CheckpointException(
          ("%s: the folder has no %s, and not both %s and %s, so text cannot become tokens; Transformers"
                  + " writes the first with AutoTokenizer.from_pretrained(…).save_pretrained(…).")
              .formatted(folder, FILE, VOCABULARY, MERGES));
    }
    String kind = config.path("tokenizer_class").asString("");
    if (!QWEN2.contains(kind) && !GPT2.contains(kind)) {
      throw new CheckpointException(
          ("%s: the folder has %s and %s of a tokenizer_class %s; without %s, known are Qwen2Tokenizer,"
                  + " DreamTokenizer and GPT2Tokenizer.")
              .formatted(
                  folder, VOCABULARY, MERGES, kind.isEmpty() ? "that is not named" : kind, FILE));
    }
    ObjectNode root = MAPPER.createObjectNode();
    root.put("version", "1.0");
    root.putArray("added_tokens");
    boolean prefix = config.path("add_prefix_space").asBoolean(false);
    if (QWEN2.contains(kind)) {
      root.putObject("normalizer").put("type", "NFC");
      ObjectNode cut = root.putObject("pre_tokenizer").put("type", "Sequence");
      ArrayNode steps = cut.putArray("pretokenizers");
      ObjectNode split = steps.addObject().put("type", "Split").put("behavior", "Isolated");
      split.put("invert", false).putObject("pattern").put("Regex", QWEN2_PATTERN);
      byteLevel(steps.addObject(), prefix, false);
    } else {
      byteLevel(root.putObject("pre_tokenizer"), prefix, true);
    }
    byteLevel(root.putObject("decoder"), true, true);
    ObjectNode model = root.putObject("model").put("type", "BPE");
    model.set("vocab", JsonFile.readObject(vocabulary));
    model.set("merges", merges(merges));
    return new TokenizerJson(vocabulary, root, config, false);
  }

  private static void byteLevel(ObjectNode node, boolean prefix, boolean usesPattern) {
    node.put("type", "ByteLevel")
        .put("add_prefix_space", prefix)
        .put("trim_offsets", true)
        .put("use_regex", usesPattern);
  }

  private static ArrayNode merges(Path file) {
    ArrayNode merges = MAPPER.createArrayNode();
    List<String> lines;
    try {
      lines = TextFile.read(file).lines().toList();
    } catch (IOException e) {
      throw new CheckpointException("%s: cannot be read: %s.".formatted(file, e.getMessage()), e);
    }
    for (int number = 1; number <= lines.size(); number++) {
      String line = lines.get(number - 1);
      if (line.isEmpty() || line.startsWith("#version")) {
        continue;
      }
      String[] pair = line.split(" ", -1);
      if (pair.length != 2) {
        throw new CheckpointException(
            "%s: line %d is not two tokens with a space between them.".formatted(file, number));
      }
      merges.addArray().add(pair[0]).add(pair[1]);
    }
    return merges;
  }

  private static JsonNode optional(Path file) {
    return Files.isRegularFile(file) ? JsonFile.readObject(file) : MAPPER.createObjectNode();
  }

  private void leaveOutDropout(Consumer<String> notices) {
    JsonNode model = root.path("model");
    JsonNode dropout = model.path("dropout");
    if (model instanceof ObjectNode object && dropout.isNumber()) {
      object.putNull("dropout");
      asStored = false;
      if (dropout.doubleValue() != 0) {
        notices.accept(
            "tokenizer.json has a dropout of %s, which is left out: a text always has the same tokens."
                .formatted(dropout));
      }
    }
  }

  /** Adds the tokens that other files than the vocabulary's have. */
  private void join(Path folder) {
    Map<String, ObjectNode> named = new LinkedHashMap<>();
    collectNamed(config, named);
    Map<Integer, ObjectNode> numbered = new TreeMap<>();
    JsonNode decoder = config.path("added_tokens_decoder");
    if (decoder.isObject()) {
      decoder
          .properties()
          .forEach(each -> numbered.put(number(each.getKey()), token(each.getValue())));
    } else {
      collectNamed(optional(folder.resolve("special_tokens_map.json")), named);
      optional(folder.resolve("added_tokens.json"))
          .properties()
          .forEach(
              each -> {
                ObjectNode token = named.get(each.getKey());
                numbered.put(
                    each.getValue().asInt(-1), token == null ? plain(each.getKey()) : token);
              });
    }
    Set<String> present = new LinkedHashSet<>();
    added().forEach(token -> present.add(token.path("content").asString("")));
    numbered.forEach(
        (id, token) -> {
          if (present.add(token.path("content").asString(""))) {
            reserveUpTo(id, token);
            add(id, token);
          }
        });
    named.forEach(
        (content, token) -> {
          if (present.add(content)) {
            Integer known = ids.get(content);
            add(known == null ? next : known, token);
          }
        });
    addEnds();
  }

  private static void collectNamed(JsonNode json, Map<String, ObjectNode> named) {
    for (Map.Entry<String, JsonNode> each : json.properties()) {
      String key = each.getKey();
      boolean isList =
          key.equals("additional_special_tokens") || key.equals("extra_special_tokens");
      if (isList) {
        each.getValue().values().forEach(token -> putNamed(token, named));
      } else if (key.endsWith("_token")) {
        putNamed(each.getValue(), named);
      }
    }
  }

  private static void putNamed(JsonNode value, Map<String, ObjectNode> named) {
    if (value.isString() || value.path("content").isString()) {
      ObjectNode token = value.isString() ? plain(value.stringValue()) : token(value);
      token.put("normalized", false).put("special", true);
      named.putIfAbsent(token.path("content").asString(""), token);
    }
  }

  private static ObjectNode plain(String content) {
    ObjectNode token = MAPPER.createObjectNode().put("content", content);
    for (String flag : List.of("single_word", "lstrip", "rstrip", "special")) {
      token.put(flag, false);
    }
    return token.put("normalized", true);
  }

  private static ObjectNode token(JsonNode described) {
    ObjectNode token = plain(described.path("content").asString(""));
    boolean special = described.path("special").asBoolean(false);
    token.put("normalized", described.path("normalized").asBoolean(!special));
    for (String flag : List.of("single_word", "lstrip", "rstrip", "special")) {
      token.put(flag, described.path(flag).asBoolean(false));
    }
    return token;
  }

  private int number(String key) {
    try {
      return Integer.parseInt(key);
    } catch (NumberFormatException e) {
      throw new CheckpointException(
          "%s: added_tokens_decoder has the key \"%s\", which is no token id."
              .formatted(file.resolveSibling(CONFIG), key),
          e);
    }
  }

  /** The library numbers new tokens one after the other: gaps are filled, as Transformers does. */
  private void reserveUpTo(int id, ObjectNode token) {
    String content = token.path("content").asString("");
    if (ids.containsKey(content)) {
      return;
    }
    while (next < id) {
      int free = next;
      ObjectNode reserved = plain("<|reserved_token_" + free + "|>");
      add(free, reserved.put("special", true).put("normalized", false));
    }
  }

  private void add(int id, ObjectNode token) {
    String content = token.path("content").asString("");
    Integer known = ids.get(content);
    boolean free = known == null && id == next;
    if (!free && (known == null || known != id)) {
      throw new CheckpointException(
          "%s: the token \"%s\" is to have id %d, and %s."
              .formatted(
                  file.resolveSibling(CONFIG),
                  content,
                  id,
                  known == null
                      ? "that is another token's: the next free id is " + next
                      : "the vocabulary gives it " + known));
    }
    token.put("id", id);
    added().add(token);
    ids.put(content, id);
    next = Math.max(next, id + 1);
    joined.add(content);
    asStored = false;
  }

  /**
   * Adds what {@code add_bos_token} and {@code add_eos_token} ask for where no processor is stored.
   */
  private void addEnds() {
    if (file.getFileName().toString().equals(FILE)) {
      return;
    }
    Optional<String> begin = end("add_bos_token", "bos_token");
    Optional<String> end = end("add_eos_token", "eos_token");
    if (begin.isEmpty() && end.isEmpty()) {
      return;
    }
    ObjectNode processor = root.putObject("post_processor").put("type", "TemplateProcessing");
    ArrayNode single = processor.putArray("single");
    ObjectNode special = MAPPER.createObjectNode();
    begin.ifPresent(token -> putEnd(single, special, token));
    single.addObject().putObject("Sequence").put("id", "A").put("type_id", 0);
    end.ifPresent(token -> putEnd(single, special, token));
    ArrayNode pair = processor.putArray("pair");
    pair.addObject().putObject("Sequence").put("id", "A").put("type_id", 0);
    pair.addObject().putObject("Sequence").put("id", "B").put("type_id", 1);
    processor.set("special_tokens", special);
  }

  private Optional<String> end(String flag, String name) {
    JsonNode token = config.path(name);
    JsonNode content = token.isObject() ? token.path("content") : token;
    return config.path(flag).asBoolean(false) && content.isString()
        ? Optional.of(content.stringValue())
        : Optional.empty();
  }

  private void putEnd(ArrayNode single, ObjectNode special, String token) {
    single.addObject().putObject("SpecialToken").put("id", token).put("type_id", 0);
    ObjectNode described = special.putObject(token).put("id", token);
    described.putArray("ids").add(ids.getOrDefault(token, 0));
    described.putArray("tokens").add(token);
  }

  private ArrayNode added() {
    return root.path("added_tokens") instanceof ArrayNode tokens
        ? tokens
        : root.putArray("added_tokens");
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

  /** The file that the vocabulary is in. */
  Path file() {
    return file;
  }

  /** Whether the JSON is what the file holds, to the letter. */
  boolean isAsStored() {
    return asStored;
  }

  /** The ids of all tokens, special or not. */
  Map<String, Integer> ids() {
    return ids;
  }

  /** The model of the vocabulary: how pieces of a text become tokens. */
  JsonNode model() {
    return root.path("model");
  }

  /** Tokens that other files have added. */
  Set<String> joined() {
    return joined;
  }

  /** Tokens that mean something to the model and are not what they spell, longest first. */
  List<String> controlTokens() {
    List<String> tokens = new ArrayList<>();
    for (JsonNode token : added()) {
      if (token.path("special").asBoolean(false)) {
        tokens.add(token.path("content").asString(""));
      }
    }
    return tokens;
  }

  /** Whether {@code tokenizer_config.json} asks that control tokens in any text stay text. */
  boolean splitsSpecialTokens() {
    return config.path("split_special_tokens").asBoolean(false);
  }

  /** The tokenizer, as the library reads it. */
  byte[] bytes() {
    return MAPPER.writeValueAsBytes(root);
  }

  /**
   * The same, but that it drops {@link #GUARD} where it normalizes a text. That is after it has
   * looked for control tokens, so that one with a guard in it is read as text.
   */
  byte[] guarded() {
    ObjectNode copy = root.deepCopy();
    for (JsonNode token : copy.path("added_tokens").values()) {
      if (token instanceof ObjectNode object && token.path("special").asBoolean(false)) {
        object.put("normalized", false);
      }
    }
    ObjectNode sequence = MAPPER.createObjectNode().put("type", "Sequence");
    ArrayNode steps = sequence.putArray("normalizers");
    ObjectNode drop = steps.addObject().put("type", "Replace").put("content", "");
    drop.putObject("pattern").put("String", GUARD);
    if (copy.path("normalizer").isObject()) {
      steps.add(copy.path("normalizer"));
    }
    copy.set("normalizer", sequence);
    return MAPPER.writeValueAsBytes(copy);
  }
}
