package dev.palimpsest.engine.checkpoint;

import static dev.palimpsest.engine.checkpoint.CheckpointException.quoted;

import java.io.InputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonParser.NumberType;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.json.JsonFactory;

/**
 * Parses and checks the JSON header of one safetensors file.
 *
 * <p>What it returns can be sliced out of the data section without further thought: every range is
 * inside the section, as long as its shape and type say, and the ranges fill the section without
 * gap or overlap.
 */
final class SafetensorsHeader {
  /** One tensor: {@code [begin, end)} in the data section. */
  record Entry(String name, String dtype, List<Long> shape, long begin, long end) {}

  /** Sizes of the types that the format has and weights here have not, as of buffers. */
  private static final Map<String, Integer> OTHER_BYTES =
      Map.ofEntries(
          Map.entry("F64", 8),
          Map.entry("F8_E4M3", 1),
          Map.entry("F8_E5M2", 1),
          Map.entry("I32", 4),
          Map.entry("I16", 2),
          Map.entry("I8", 1),
          Map.entry("U64", 8),
          Map.entry("U32", 4),
          Map.entry("U16", 2),
          Map.entry("U8", 1),
          Map.entry("BOOL", 1));

  private static final JsonFactory FACTORY = JsonFactory.builder().build();
  private static final int MAX_RANK = 8;

  private final Path file;
  private final JsonParser parser;
  private final long dataBytes;

  private SafetensorsHeader(Path file, JsonParser parser, long dataBytes) {
    this.file = file;
    this.parser = parser;
    this.dataBytes = dataBytes;
  }

  /** The entries in the order of their data. */
  static List<Entry> parse(Path file, InputStream json, long dataBytes) {
    try (JsonParser parser = FACTORY.createParser(ObjectReadContext.empty(), json)) {
      return new SafetensorsHeader(file, parser, dataBytes).entries();
    } catch (JacksonException e) {
      throw JsonFile.invalid(file, "the header", e);
    }
  }

  private List<Entry> entries() {
    if (parser.nextToken() != JsonToken.START_OBJECT) {
      throw refuse("the header is not a JSON object");
    }
    List<Entry> entries = new ArrayList<>();
    Set<String> names = new HashSet<>();
    while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
      String name = parser.currentName();
      if (!names.add(name)) {
        throw refuse("the header has the name " + quoted(name) + " twice");
      }
      if (name.equals("__metadata__")) {
        checkMetadata();
      } else {
        entries.add(entry(name));
      }
    }
    if (parser.nextToken() != null) {
      throw refuse("the header goes on after its JSON object");
    }
    entries.sort(Comparator.comparingLong(Entry::begin).thenComparingLong(Entry::end));
    checkTiling(entries);
    return entries;
  }

  private void checkMetadata() {
    if (parser.nextToken() != JsonToken.START_OBJECT) {
      throw refuse("__metadata__ is not a JSON object");
    }
    Set<String> keys = new HashSet<>();
    while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
      String key = parser.currentName();
      if (!keys.add(key)) {
        throw refuse("__metadata__ has the key " + quoted(key) + " twice");
      }
      if (parser.nextToken() != JsonToken.VALUE_STRING) {
        throw refuse("__metadata__ has a value that is not a string at the key " + quoted(key));
      }
    }
  }

  private Entry entry(String name) {
    if (parser.nextToken() != JsonToken.START_OBJECT) {
      throw refuse(name, "is not described by a JSON object");
    }
    Optional<String> dtype = Optional.empty();
    Optional<List<Long>> shape = Optional.empty();
    Optional<List<Long>> offsets = Optional.empty();
    Set<String> keys = new HashSet<>();
    while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
      String key = parser.currentName();
      if (!keys.add(key)) {
        throw refuse(name, "has the key " + quoted(key) + " twice");
      }
      switch (key) {
        case "dtype" -> dtype = Optional.of(dtype(name));
        case "shape" -> shape = Optional.of(numbers(name, key));
        case "data_offsets" -> offsets = Optional.of(numbers(name, key));
        default -> throw refuse(name, "has the unknown key " + quoted(key));
      }
    }
    return checked(
        name,
        dtype.orElseThrow(() -> refuse(name, "has no dtype")),
        shape.orElseThrow(() -> refuse(name, "has no shape")),
        offsets.orElseThrow(() -> refuse(name, "has no data_offsets")));
  }

  private String dtype(String name) {
    if (parser.nextToken() != JsonToken.VALUE_STRING) {
      throw refuse(name, "has a dtype that is not a string");
    }
    String dtype = parser.getString();
    if (DType.named(dtype).isEmpty() && !OTHER_BYTES.containsKey(dtype)) {
      throw refuse(
          name, "has dtype %s; F32, F16, BF16 and I64 are supported".formatted(quoted(dtype)));
    }
    return dtype;
  }

  private static int bytes(String dtype) {
    return DType.named(dtype).map(DType::bytes).orElseGet(() -> OTHER_BYTES.getOrDefault(dtype, 0));
  }

  private List<Long> numbers(String name, String key) {
    if (parser.nextToken() != JsonToken.START_ARRAY) {
      throw refuse(name, "has a " + key + " that is not an array");
    }
    List<Long> numbers = new ArrayList<>();
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      if (parser.currentToken() != JsonToken.VALUE_NUMBER_INT) {
        throw refuse(name, "has a " + key + " with an element that is not an integer");
      }
      if (parser.getNumberType() == NumberType.BIG_INTEGER) {
        throw refuse(name, "has a " + key + " with an element beyond 64 bits");
      }
      long number = parser.getLongValue();
      if (number < 0) {
        throw refuse(name, "has a %s with the negative element %d".formatted(key, number));
      }
      if (numbers.size() == MAX_RANK) {
        throw refuse(name, "has a %s with more than %d elements".formatted(key, MAX_RANK));
      }
      numbers.add(number);
    }
    return List.copyOf(numbers);
  }

  private Entry checked(String name, String dtype, List<Long> shape, List<Long> offsets) {
    if (offsets.size() != 2) {
      throw refuse(name, "has data_offsets " + offsets + "; a begin and an end are needed");
    }
    long begin = offsets.get(0);
    long end = offsets.get(1);
    if (begin > end || end > dataBytes) {
      throw refuse(
          name,
          "has data_offsets %s, which do not lie in the file's %d bytes of data"
              .formatted(offsets, dataBytes));
    }
    long needed;
    try {
      needed = shape.contains(0L) ? 0 : bytes(dtype);
      for (long dimension : shape) {
        needed = Math.multiplyExact(needed, dimension);
      }
    } catch (ArithmeticException e) {
      throw refuse(name, "has shape " + shape + ", whose size is beyond 64 bits");
    }
    if (end - begin != needed) {
      throw refuse(
          name,
          "has data_offsets %s, %d bytes, but shape %s of %s needs %d"
              .formatted(offsets, end - begin, shape, dtype, needed));
    }
    return new Entry(name, dtype, shape, begin, end);
  }

  private void checkTiling(List<Entry> entries) {
    long end = 0;
    for (Entry entry : entries) {
      if (entry.begin() != end) {
        throw refuse(
            entry.name(),
            "begins at data offset %d, %s %d"
                .formatted(
                    entry.begin(),
                    entry.begin() < end
                        ? "overlapping the tensor before it, which ends at"
                        : "leaving a hole after the tensor before it, which ends at",
                    end));
      }
      end = entry.end();
    }
    if (end != dataBytes) {
      throw refuse(
          "the tensors end at data offset %d, but the file has %d bytes of data"
              .formatted(end, dataBytes));
    }
  }

  private CheckpointException refuse(String reason) {
    return new CheckpointException("%s: %s.".formatted(file, reason));
  }

  private CheckpointException refuse(String tensor, String reason) {
    return new CheckpointException("%s: tensor %s %s.".formatted(file, quoted(tensor), reason));
  }
}
