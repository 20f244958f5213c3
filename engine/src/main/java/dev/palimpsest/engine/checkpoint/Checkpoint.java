package dev.palimpsest.engine.checkpoint;

import static dev.palimpsest.engine.checkpoint.CheckpointException.quoted;

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
import java.util.stream.Collectors;
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

  private final Path folder;
  private final JsonNode config;
  private final List<Safetensors> shards;
  private final Map<String, Tensor> tensors;

  private Checkpoint(
      Path folder, JsonNode config, List<Safetensors> shards, Map<String, Tensor> tensors) {
    this.folder = folder;
    this.config = config;
    this.shards = shards;
    this.tensors = tensors;
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
  public static Outline outline(Path folder) {
    JsonNode config = config(folder);
    boolean single = Files.isRegularFile(folder.resolve(WEIGHTS));
    Path index = folder.resolve(INDEX);
    if (single || !Files.isRegularFile(index)) {
      return new Outline(config, Optional.empty(), single);
    }
    Map<Path, Set<String>> shards = readIndex(folder, index);
    Set<String> names = new TreeSet<>();
    shards.values().forEach(names::addAll);
    return new Outline(
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
          "%s: the folder has no weights: neither %s nor %s is there."
              .formatted(folder, WEIGHTS, INDEX));
    }
    Map<Path, Set<String>> listed = readIndex(folder, index);
    listed.forEach(
        (path, names) -> {
          Safetensors shard = openShard(index, path);
          shards.add(shard);
          for (String name : names) {
            if (!shard.names().contains(name)) {
              throw new CheckpointException(
                  "%s: tensor %s is listed in %s, which does not have it."
                      .formatted(index, quoted(name), path.getFileName()));
            }
            tensors.put(name, shard.tensor(name));
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
   * Checks that the weights are those of a model: every expected tensor, no other, each of its
   * shape and of a floating-point type.
   *
   * @param expected shapes by tensor name
   * @throws CheckpointException with everything that differs
   */
  public void requireExactly(Map<String, List<Long>> expected) {
    List<String> missing = new ArrayList<>();
    List<String> wrong = new ArrayList<>();
    expected.forEach(
        (name, shape) -> {
          Tensor tensor = tensors.get(name);
          if (tensor == null) {
            missing.add(quoted(name));
          } else if (!tensor.shape().equals(shape)) {
            wrong.add("%s is %s, not %s".formatted(quoted(name), tensor.shape(), shape));
          } else if (!tensor.dtype().isFloat()) {
            wrong.add("%s is %s, not F32, F16 or BF16".formatted(quoted(name), tensor.dtype()));
          }
        });
    List<String> surplus =
        tensors.keySet().stream()
            .filter(name -> !expected.containsKey(name))
            .map(CheckpointException::quoted)
            .toList();
    List<String> faults = new ArrayList<>();
    describe(faults, "missing", missing);
    describe(faults, "surplus", surplus);
    describe(faults, "of the wrong shape or type", wrong);
    if (!faults.isEmpty()) {
      throw new CheckpointException(
          "%s: the weights do not fit config.json: %s."
              .formatted(folder, String.join("; ", faults)));
    }
  }

  /**
   * Checks that the tensors that an index lists are those of a model, without their shapes.
   *
   * @param folder named in the message
   * @param expected names of the model's tensors
   * @throws CheckpointException with everything that differs
   */
  public static void requireNames(Path folder, Set<String> listed, Set<String> expected) {
    List<String> faults = new ArrayList<>();
    describe(faults, "missing", without(expected, listed));
    describe(faults, "surplus", without(listed, expected));
    if (!faults.isEmpty()) {
      throw new CheckpointException(
          "%s: the weights that %s lists do not fit config.json: %s."
              .formatted(folder, INDEX, String.join("; ", faults)));
    }
  }

  private static List<String> without(Set<String> names, Set<String> others) {
    return names.stream()
        .filter(name -> !others.contains(name))
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
