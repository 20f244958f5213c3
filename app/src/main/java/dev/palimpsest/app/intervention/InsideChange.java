package dev.palimpsest.app.intervention;

import dev.palimpsest.app.file.Sha256;
import dev.palimpsest.engine.backend.TensorCopy;
import dev.palimpsest.engine.checkpoint.CheckpointException;
import dev.palimpsest.engine.checkpoint.Safetensors;
import dev.palimpsest.engine.checkpoint.Tensor;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.engine.probe.Hook;
import dev.palimpsest.engine.probe.Patch;
import dev.palimpsest.step.Query;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * A change inside steps as the command line writes it: {@code add HOOK from=FILE:TENSOR scale=2
 * steps=3-9 at=0-4}.
 *
 * @param words as they were written
 * @param action what is done
 * @param hook its name, with {@code *} for every block
 * @param file of the values
 * @param tensor its name in the file
 * @param scale of the values
 * @param steps in which it is done; all if not given
 * @param at where, counted from the end of the prompt; everywhere if not given
 */
record InsideChange(
    String words,
    Patch.Action action,
    String hook,
    Path file,
    String tensor,
    float scale,
    Optional<Range> steps,
    Optional<Range> at) {
  private static final Pattern SOURCE = Pattern.compile("(.+\\.safetensors):(.+)");
  private static final Pattern RANGE = Pattern.compile("([0-9]{1,6})(?:-([0-9]{1,6}))?");

  /** Whole numbers from the first to the last. */
  record Range(int first, int last) {
    boolean has(int number) {
      return first <= number && number <= last;
    }

    static Range parse(String name, String text) {
      Matcher matcher = RANGE.matcher(text);
      if (!matcher.matches()) {
        throw new IllegalArgumentException(
            "%s=%s is no range: use FIRST-LAST or one number, from 0".formatted(name, text));
      }
      int first = Integer.parseInt(matcher.group(1));
      return new Range(
          first, matcher.group(2) == null ? first : Integer.parseInt(matcher.group(2)));
    }
  }

  /**
   * Reads the words.
   *
   * @throws IllegalArgumentException if they are wrong
   */
  static InsideChange parse(String words) {
    List<String> parts = List.of(words.strip().split("\\s+"));
    if (parts.size() < 2) {
      throw new IllegalArgumentException(
          "a change inside steps is add or set, a hook and from=FILE.safetensors:TENSOR");
    }
    Patch.Action action =
        switch (parts.getFirst()) {
          case "add" -> Patch.Action.ADD;
          case "set" -> Patch.Action.SET;
          default ->
              throw new IllegalArgumentException(parts.getFirst() + " is unknown: use add or set");
        };
    Map<String, String> values = new LinkedHashMap<>();
    for (String part : parts.subList(2, parts.size())) {
      int equals = part.indexOf('=');
      if (equals < 1
          || !List.of("from", "scale", "steps", "at").contains(part.substring(0, equals))) {
        throw new IllegalArgumentException(
            part + " is unknown: use from=FILE.safetensors:TENSOR, scale=, steps= and at=");
      }
      values.put(part.substring(0, equals), part.substring(equals + 1));
    }
    Matcher source = SOURCE.matcher(values.getOrDefault("from", ""));
    if (!source.matches()) {
      throw new IllegalArgumentException(
          "from=%s names no tensor: use from=FILE.safetensors:TENSOR"
              .formatted(values.getOrDefault("from", "")));
    }
    return new InsideChange(
        words.strip(),
        action,
        parts.get(1),
        Path.of(source.group(1)),
        source.group(2),
        scale(values.getOrDefault("scale", "1")),
        Optional.ofNullable(values.get("steps")).map(text -> Range.parse("steps", text)),
        Optional.ofNullable(values.get("at")).map(text -> Range.parse("at", text)));
  }

  private static float scale(String text) {
    if (!text.matches("-?([0-9]+\\.?[0-9]*|\\.[0-9]+)")) {
      throw new IllegalArgumentException("scale=" + text + " is no number");
    }
    return Float.parseFloat(text);
  }

  /**
   * The values, scaled.
   *
   * @throws IllegalArgumentException if the file has no such tensor, or it is not one of numbers
   */
  float[] values() {
    try (Safetensors tensors = Safetensors.open(file)) {
      Tensor found = tensors.tensor(tensor);
      float[] values = new float[Math.toIntExact(found.elements())];
      TensorCopy.into(MemorySegment.ofArray(values), 0, Precision.F32, found);
      for (int i = 0; i < values.length; i++) {
        values[i] *= scale;
      }
      return values;
    } catch (CheckpointException e) {
      throw new IllegalArgumentException(String.valueOf(e.getMessage()), e);
    }
  }

  /** The words, and the SHA-256 of the values, by which a trace names the change. */
  String described(float[] values) {
    ByteBuffer bytes =
        ByteBuffer.allocate(Float.BYTES * values.length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(values);
    return words + " sha256=" + HexFormat.of().formatHex(Sha256.of(bytes.array()));
  }

  /** The patches of a model with so many blocks, one a hook. */
  List<Patch> patches(float[] values, int blocks, int promptLength) {
    return Hook.named(hook, blocks).stream()
        .map(each -> new Patch(each, action, query -> positions(query, promptLength), values))
        .toList();
  }

  private int[] positions(Query query, int promptLength) {
    return steps.map(range -> range.has(query.draw().step())).orElse(true)
        ? IntStream.range(promptLength, query.tokens().length)
            .filter(position -> at.map(range -> range.has(position - promptLength)).orElse(true))
            .toArray()
        : new int[0];
  }
}
