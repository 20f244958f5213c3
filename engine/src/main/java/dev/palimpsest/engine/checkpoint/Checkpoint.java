package dev.palimpsest.engine.checkpoint;

import static dev.palimpsest.engine.checkpoint.CheckpointException.quoted;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;

/**
 * A model's folder: {@code config.json} and its weights, in {@code model.safetensors} or in the
 * shards that {@code model.safetensors.index.json} lists.
 */
public final class Checkpoint implements AutoCloseable {
  private static final String CONFIG = "config.json";
  private static final String WEIGHTS = "model.safetensors";
  private static final String INDEX = "model.safetensors.index.json";
  private static final int NAMES_SHOWN = 3;

  /** Buffers that PyTorch modules have stored beside their parameters. */
  private static final Pattern BUFFER =
      Pattern.compile("(.+\\.)?(rotary_emb\\.\\w+|position_ids|masked_bias)");

  /** Files of weights in other formats, by the ends of their names. */
  private static final Pattern OTHER_WEIGHTS =
      Pattern.compile("(?i).+\\.(bin|gguf|ggml|pt|pth|ckpt|h5|msgpack|onnx|npz|safetensors)");

  private final Path folder;
  private final JsonNode config;
  private final List<Safetensors> shards;
  private final Map<String, Tensor> tensors;

  /** Tensors of types that no weight has, and those types. */
  private final Map<String, String> others = new TreeMap<>();

  private Checkpoint(
      Path folder, JsonNode config, List<Safetensors> shards, Map<String, Tensor> tensors) {
    this.folder = folder;
    this.config = config;
    this.shards = shards;
    this.tensors = tensors;
    shards.forEach(shard -> others.putAll(shard.others()));
  }

  /**
   * Opens every file of {@code folder} that the model needs.
   *
   * @throws CheckpointException if a file is missing or malformed, or an index and its shards
   *     disagree
   */
  public static Checkpoint open(Path folder) {
    JsonNode config = config(folder);
    List<Safetensors> shards = new ArrayList<>();
    boolean opened = false;
    try {
      Map<String, Tensor> tensors = open(folder, shards);
      opened = true;
      return new Checkpoint(folder, config, shards, tensors);
    } finally {
      if (!opened) {
        shards.forEach(Safetensors::close);
      }
    }
  }

  private static JsonNode config(Path folder) {
    if (!Files.isDirectory(folder)) {
      throw new CheckpointException(
          "%s: there is no such folder; a model is a folder with %s and %s."
              .formatted(folder, CONFIG, WEIGHTS));
    }
    if (!Files.isRegularFile(folder.resolve(CONFIG))) {
      throw new CheckpointException(
          "%s: the folder has no %s, so it is not a model.".formatted(folder, CONFIG));
    }
    return JsonFile.readObject(folder.resolve(CONFIG));
  }

  /**
   * Reads {@code config.json} and, if it is there, {@code model.safetensors.index.json}, and opens
   * no weights.
   *
   * @throws CheckpointException if the folder has no configuration, or a file is malformed
   */
  public static ModelFolder describe(Path folder) {
    JsonNode config = config(folder);
    boolean single = Files.isRegularFile(folder.resolve(WEIGHTS));
    Path index = folder.resolve(INDEX);
    if (single || !Files.isRegularFile(index)) {
      return new ModelFolder(config, Optional.empty(), single);
    }
    Map<Path, Set<String>> shards = readIndex(folder, index);
    Set<String> names = new TreeSet<>();
    shards.values().forEach(names::addAll);
    return new ModelFolder(
        config, Optional.of(names), shards.keySet().stream().allMatch(Files::isRegularFile));
  }

  private static Map<String, Tensor> open(Path folder, List<Safetensors> shards) {
    Map<String, Tensor> tensors = new TreeMap<>();
    if (Files.isRegularFile(folder.resolve(WEIGHTS))) {
      Safetensors file = Safetensors.open(folder.resolve(WEIGHTS));
      shards.add(file);
      file.names().forEach(name -> tensors.put(name, file.tensor(name)));
      return tensors;
    }
    Path index = folder.resolve(INDEX);
    if (!Files.isRegularFile(index)) {
      throw new CheckpointException(
          "%s: the folder has no weights: neither %s nor %s is there%s."
              .formatted(folder, WEIGHTS, INDEX, otherWeights(folder)));
    }
    Map<Path, Set<String>> listed = readIndex(folder, index);
    listed.forEach(
        (path, names) -> {
          Safetensors shard = openShard(index, path);
          shards.add(shard);
          for (String name : names) {
            if (shard.names().contains(name)) {
              tensors.put(name, shard.tensor(name));
            } else if (!shard.others().containsKey(name)) {
              throw new CheckpointException(
                  "%s: tensor %s is listed in %s, which does not have it."
                      .formatted(index, quoted(name), path.getFileName()));
            }
          }
          for (String name : shard.names()) {
            if (!names.contains(name)) {
              throw new CheckpointException(
                  "%s: tensor %s of %s is not listed there."
                      .formatted(index, quoted(name), path.getFileName()));
            }
          }
        });
    return tensors;
  }

  /** The files of weights that are there instead, as the end of a sentence. */
  private static String otherWeights(Path folder) {
    try (Stream<Path> files = Files.list(folder)) {
      List<String> others =
          files
              .map(file -> file.getFileName().toString())
              .filter(name -> OTHER_WEIGHTS.matcher(name).matches())
              .sorted()
              .limit(NAMES_SHOWN)
              .toList();
      return others.isEmpty()
          ? ""
          : "; there is %s, and one of these two is needed".formatted(String.join(", ", others));
    } catch (IOException e) {
      throw JsonFile.unreadable(folder, e);
    }
  }

  private static Safetensors openShard(Path index, Path shard) {
    if (!Files.isRegularFile(shard)) {
      throw new CheckpointException("%s: the shard %s is missing.".formatted(index, shard));
    }
    return Safetensors.open(shard);
  }

  private static Map<Path, Set<String>> readIndex(Path folder, Path index) {
    JsonNode weightMap = JsonFile.readObject(index).path("weight_map");
    if (!weightMap.isObject()) {
      throw new CheckpointException(index + ": weight_map is missing or not a JSON object.");
    }
    Map<Path, Set<String>> listed = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> entry : weightMap.properties()) {
      if (!entry.getValue().isString()) {
        throw new CheckpointException(
            "%s: tensor %s is mapped to something that is not a file name."
                .formatted(index, quoted(entry.getKey())));
      }
      Path shard = shard(folder, index, entry.getKey(), entry.getValue().stringValue());
      listed.computeIfAbsent(shard, _ -> new TreeSet<>()).add(entry.getKey());
    }
    return listed;
  }

  private static Path shard(Path folder, Path index, String tensor, String name) {
    try {
      Path root = folder.normalize();
      Path shard = root.resolve(name).normalize();
      if (!name.isEmpty() && shard.startsWith(root) && !Path.of(name).isAbsolute()) {
        return shard;
      }
    } catch (InvalidPathException e) {
      throw new CheckpointException(
          "%s: tensor %s is mapped to %s, which is not a file name."
              .formatted(index, quoted(tensor), quoted(name)),
          e);
    }
    throw new CheckpointException(
        "%s: tensor %s is mapped to %s, which is not inside the model's folder."
            .formatted(index, quoted(tensor), quoted(name)));
  }

  /** The folder's {@code config.json}: always an object. */
  public JsonNode config() {
    return config;
  }

  /** The names of all tensors, sorted. */
  public Set<String> names() {
    return Collections.unmodifiableSet(tensors.keySet());
  }

  /** Bytes of all weights together. */
  public long bytes() {
    return tensors.values().stream().mapToLong(tensor -> tensor.data().byteSize()).sum();
  }

  /**
   * The tensor of that name.
   *
   * @throws CheckpointException if there is none
   */
  public Tensor tensor(String name) {
    Tensor tensor = tensors.get(name);
    if (tensor == null) {
      throw new CheckpointException("%s: there is no tensor %s.".formatted(folder, quoted(name)));
    }
    return tensor;
  }

  /**
   * Checks that the weights are those of a model: every expected tensor, each of its shape and of a
   * floating-point type, and no other but buffers and copies of what is tied.
   *
   * @param expected shapes by tensor name
   * @param ties tensors that may be there too, and the expected ones that they must equal
   * @throws CheckpointException with everything that differs
   */
  public void requireExactly(Map<String, List<Long>> expected, Map<String, String> ties) {
    requireExactly(expected, ties, _ -> false);
  }

  /**
   * As {@link #requireExactly(Map, Map)}.
   *
   * @param skipped names of tensors that may be there too
   */
  public void requireExactly(
      Map<String, List<Long>> expected, Map<String, String> ties, Predicate<String> skipped) {
    List<String> missing = new ArrayList<>();
    List<String> wrong = new ArrayList<>();
    expected.forEach(
        (name, shape) -> {
          Tensor tensor = tensors.get(name);
          String other = others.get(name);
          if (other != null) {
            wrong.add("%s is %s, not F32, F16 or BF16".formatted(quoted(name), other));
          } else if (tensor == null) {
            missing.add(quoted(name));
          } else if (!tensor.shape().equals(shape)) {
            wrong.add("%s is %s, not %s".formatted(quoted(name), tensor.shape(), shape));
          } else if (!tensor.dtype().isFloat()) {
            wrong.add("%s is %s, not F32, F16 or BF16".formatted(quoted(name), tensor.dtype()));
          }
        });
    List<String> faults = new ArrayList<>();
    describe(faults, "missing", missing);
    describe(faults, "surplus", surplus(everything(), expected.keySet(), ties, skipped));
    describe(faults, "of the wrong shape or type", wrong);
    if (!faults.isEmpty()) {
      throw new CheckpointException(
          "%s: the weights do not fit config.json: %s."
              .formatted(folder, String.join("; ", faults)));
    }
    ties.forEach(this::requireEqual);
  }

  private void requireEqual(String name, String other) {
    Tensor copy = tensors.get(name);
    Tensor original = tensor(other);
    if (copy != null && !copy.isSame(original)) {
      throw new CheckpointException(
          ("%s: config.json ties %s to %s, and both are stored and differ: %s and %s; untie them"
                  + " in config.json, or remove the one that is not to count.")
              .formatted(
                  folder, quoted(name), quoted(other), copy.describe(), original.describe()));
    }
  }

  /** Tells of the tensors that are no weights and of no use here, as stored frequencies. */
  public void tellOfBuffers(Consumer<String> notices) {
    List<String> buffers = everything().stream().filter(Checkpoint::isBuffer).toList();
    if (!buffers.isEmpty()) {
      notices.accept(
          "the weights have %d %s beside the model's, such as %s, which %s not used."
              .formatted(
                  buffers.size(),
                  buffers.size() == 1 ? "buffer" : "buffers",
                  quoted(buffers.getFirst()),
                  buffers.size() == 1 ? "is" : "are"));
    }
  }

  private Set<String> everything() {
    Set<String> names = new TreeSet<>(tensors.keySet());
    names.addAll(others.keySet());
    return names;
  }

  private static boolean isBuffer(String name) {
    return BUFFER.matcher(name).matches();
  }

  /**
   * Checks that the tensors that an index lists are those of a model, without their shapes.
   *
   * @param folder named in the message
   * @param expected names of the model's tensors
   * @param ties tensors that may be there too, and the expected ones that they must equal
   * @throws CheckpointException with everything that differs
   */
  public static void requireNames(
      Path folder, Set<String> listed, Set<String> expected, Map<String, String> ties) {
    requireNames(folder, listed, expected, ties, _ -> false);
  }

  /**
   * As {@link #requireNames(Path, Set, Set, Map)}.
   *
   * @param skipped names of tensors that may be there too
   */
  public static void requireNames(
      Path folder,
      Set<String> listed,
      Set<String> expected,
      Map<String, String> ties,
      Predicate<String> skipped) {
    List<String> faults = new ArrayList<>();
    describe(
        faults,
        "missing",
        expected.stream()
            .filter(name -> !listed.contains(name))
            .map(CheckpointException::quoted)
            .toList());
    describe(faults, "surplus", surplus(listed, expected, ties, skipped));
    if (!faults.isEmpty()) {
      throw new CheckpointException(
          "%s: the weights that %s lists do not fit config.json: %s."
              .formatted(folder, INDEX, String.join("; ", faults)));
    }
  }

  private static List<String> surplus(
      Set<String> names,
      Set<String> expected,
      Map<String, String> ties,
      Predicate<String> skipped) {
    return names.stream()
        .filter(name -> !expected.contains(name) && !ties.containsKey(name) && !isBuffer(name))
        .filter(skipped.negate())
        .map(CheckpointException::quoted)
        .toList();
  }

  private static void describe(List<String> faults, String what, Collection<String> names) {
    if (!names.isEmpty()) {
      String first = names.stream().limit(NAMES_SHOWN).collect(Collectors.joining(", "));
      String rest = names.size() > NAMES_SHOWN ? ", …" : "";
      faults.add(
          "%d %s %s (%s%s)"
              .formatted(
                  names.size(),
                  names.size() == 1 ? "tensor is" : "tensors are",
                  what,
                  first,
                  rest));
    }
  }

  /** Releases every mapping; closing twice does nothing. */
  @Override
  public void close() {
    shards.forEach(Safetensors::close);
  }
}
