package dev.palimpsest.sampler.trace;

import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.CellState;
import dev.palimpsest.sampler.canvas.Commit;
import dev.palimpsest.sampler.canvas.Cursor;
import dev.palimpsest.sampler.canvas.Drafts;
import dev.palimpsest.sampler.canvas.Noise;
import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.step.Alternative;
import dev.palimpsest.step.Prediction;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.TreeMap;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Records as lines of JSON and back, without the checksum that ends a line. */
final class TraceLines {
  static final JsonMapper MAPPER = new JsonMapper();

  private TraceLines() {}

  static ObjectNode json(TraceHeader header) {
    ObjectNode json = record("header");
    json.put("schema", header.schema());
    json.put("engine", header.engine());
    json.putObject("model")
        .put("name", header.model().name())
        .put("sha256", header.model().sha256())
        .put("tokenizer_sha256", header.model().tokenizerSha256());
    ObjectNode machine =
        json.putObject("machine")
            .put("backend", header.machine().backend())
            .put("device", header.machine().device())
            .put("precision", header.machine().precision());
    header.machine().arithmetic().ifPresent(name -> machine.put("arithmetic", name));
    ArrayNode promises = json.putArray("promises");
    header.promises().forEach(promises::add);
    json.put("sampler", header.sampler());
    json.putPOJO("options", header.options());
    ObjectNode specials = json.putObject("specials");
    specials.put("mask", header.specials().maskId()).put("eos", header.specials().eosId());
    header.specials().eotId().ifPresent(id -> specials.put("eot", id));
    if (!header.specials().otherStops().isEmpty()) {
      ArrayNode others = specials.putArray("other_stops");
      header.specials().otherStops().forEach(others::add);
    }
    json.put("prompt_length", header.start().promptLength());
    ArrayNode ids = json.putArray("ids");
    for (int id : header.start().ids()) {
      ids.add(id);
    }
    json.put("states", CellState.letters(header.start()));
    putDrafts(json, header.start().drafts());
    putCursor(json, header.at());
    header
        .origin()
        .ifPresent(
            origin -> {
              ObjectNode node = json.putObject("origin");
              node.put("chain", origin.chain()).put("step", origin.step());
              ArrayNode edits = node.putArray("edits");
              origin.edits().forEach(edits::add);
            });
    if (!header.inside().isEmpty()) {
      ArrayNode inside = json.putArray("inside_steps");
      header.inside().forEach(inside::add);
    }
    return json;
  }

  static ObjectNode json(TraceRecord record) {
    return switch (record) {
      case TraceRecord.Step step -> json(step);
      case TraceRecord.Event event -> json(event);
      case TraceRecord.End end ->
          record("end").put("complete", end.complete()).put("forwards", end.forwards());
    };
  }

  private static ObjectNode json(TraceRecord.Step step) {
    ObjectNode json = record("step");
    putCursor(json, step.at());
    putCommits(json.putArray("commits"), step.commits());
    putCommits(json.putArray("edits"), step.edits());
    putInts(json.putArray("remasked"), step.remasked());
    if (!step.noise().isEmpty()) {
      ArrayNode noise = json.putArray("noise");
      step.noise().forEach(each -> noise.addArray().add(each.position()).add(each.id()));
    }
    putDrafts(json, step.drafts());
    json.put("forwards", step.forwards());
    step.asked()
        .ifPresent(
            asked -> {
              putInts(json.putArray("rows"), asked.rows());
              ArrayNode predictions = json.putArray("predictions");
              asked.predictions().forEach(each -> put(predictions.addArray(), each));
              if (asked.predictions().stream().anyMatch(each -> !each.alternatives().isEmpty())) {
                ArrayNode rows = json.putArray("alternatives");
                asked.predictions().forEach(each -> putAlternatives(rows.addArray(), each));
              }
            });
    return json.put("nanos", step.nanos());
  }

  private static ObjectNode json(TraceRecord.Event event) {
    ObjectNode json = record("event");
    putCursor(json, event.at());
    json.put("name", event.name()).put("cause", event.cause());
    ArrayNode writes = json.putArray("writes");
    event.writes().forEach((position, id) -> writes.addArray().add(position).add(id));
    putInts(json.putArray("remasked"), event.remasked());
    event.seed().ifPresent(seed -> json.put("seed", seed));
    return json.put("forwards", event.forwards());
  }

  private static ObjectNode record(String kind) {
    return MAPPER.createObjectNode().put("record", kind);
  }

  private static void putCursor(ObjectNode json, Cursor at) {
    json.putArray("at").add(at.step()).add(at.block()).add(at.stepInBlock()).add(at.stepsFull());
  }

  private static void putCommits(ArrayNode array, List<Commit> commits) {
    for (Commit commit : commits) {
      array
          .addArray()
          .add(commit.position())
          .add(commit.token())
          .add(commit.confidence())
          .add(commit.entropy())
          .add(commit.margin());
    }
  }

  private static void put(ArrayNode array, Prediction prediction) {
    array
        .add(prediction.token())
        .add(prediction.probability())
        .add(prediction.argmax())
        .add(prediction.top())
        .add(prediction.second())
        .add(prediction.logSumExp())
        .add(prediction.entropy());
  }

  private static void putAlternatives(ArrayNode row, Prediction prediction) {
    for (Alternative each : prediction.alternatives()) {
      row.addArray().add(each.token()).add(each.probability());
    }
  }

  private static void putDrafts(ObjectNode json, Drafts drafts) {
    if (!drafts.isEmpty()) {
      ObjectNode node = json.putObject("drafts").put("first", drafts.first());
      putInts(node.putArray("ids"), Arrays.stream(drafts.ids()).boxed().toList());
    }
  }

  private static void putInts(ArrayNode array, List<Integer> values) {
    values.forEach(array::add);
  }

  /** Refuses what is no header, or one of another schema. */
  static void requireHeader(JsonNode json) {
    require(json, "record", "header");
    int schema = json.path("schema").asInt(0);
    if (schema != TraceHeader.MASKS && schema != TraceHeader.NOISE) {
      throw new IllegalArgumentException(
          "it has schema %d, and this engine reads schemas %d and %d"
              .formatted(schema, TraceHeader.MASKS, TraceHeader.NOISE));
    }
  }

  /**
   * The header of a line.
   *
   * @throws IllegalArgumentException if the line is none
   */
  static TraceHeader header(JsonNode json) {
    requireHeader(json);
    JsonNode model = json.path("model");
    JsonNode machine = json.path("machine");
    JsonNode specials = json.path("specials");
    Map<String, Object> options = new LinkedHashMap<>();
    json.path("options").properties().forEach(each -> options.put(each.getKey(), value(each)));
    int[] ids = ints(json, "ids").stream().mapToInt(Integer::intValue).toArray();
    return new TraceHeader(
        text(json, "engine"),
        new TraceHeader.ModelIdentity(
            text(model, "name"), text(model, "sha256"), text(model, "tokenizer_sha256")),
        new TraceHeader.Machine(
            text(machine, "backend"),
            text(machine, "device"),
            text(machine, "precision"),
            machine.has("arithmetic")
                ? Optional.of(text(machine, "arithmetic"))
                : Optional.empty()),
        texts(json, "promises"),
        text(json, "sampler"),
        options,
        new SpecialTokens(
            integer(specials, "mask"),
            integer(specials, "eos"),
            specials.has("eot") ? OptionalInt.of(integer(specials, "eot")) : OptionalInt.empty(),
            specials.has("other_stops") ? ints(specials, "other_stops") : List.of()),
        CanvasImage.of(
            ids,
            CellState.ofLetters(text(json, "states")),
            integer(json, "prompt_length"),
            drafts(json)),
        cursor(json),
        json.has("origin") ? Optional.of(origin(json.path("origin"))) : Optional.empty(),
        texts(json, "inside_steps"));
  }

  private static List<String> texts(JsonNode json, String field) {
    List<String> texts = new ArrayList<>();
    json.path(field).forEach(each -> texts.add(each.asString()));
    return texts;
  }

  private static TraceHeader.Origin origin(JsonNode json) {
    return new TraceHeader.Origin(text(json, "chain"), integer(json, "step"), texts(json, "edits"));
  }

  private static Object value(Map.Entry<String, JsonNode> option) {
    JsonNode node = option.getValue();
    if (node.isInt()) {
      return node.intValue();
    }
    if (node.isLong()) {
      return node.longValue();
    }
    if (node.isNumber()) {
      return node.doubleValue();
    }
    if (node.isBoolean()) {
      return node.booleanValue();
    }
    if (node.isString()) {
      return node.stringValue();
    }
    throw new IllegalArgumentException("option " + option.getKey() + " is " + node);
  }

  /**
   * The record of a line.
   *
   * @throws IllegalArgumentException if the line is none
   */
  static TraceRecord record(JsonNode json) {
    String kind = text(json, "record");
    return switch (kind) {
      case "step" -> step(json);
      case "event" -> event(json);
      case "end" ->
          new TraceRecord.End(json.path("complete").asBoolean(false), integer(json, "forwards"));
      default -> throw new IllegalArgumentException("the kind of record " + kind + " is unknown");
    };
  }

  private static TraceRecord.Step step(JsonNode json) {
    List<Prediction> predictions = new ArrayList<>();
    for (JsonNode each : json.path("predictions")) {
      JsonNode others = json.path("alternatives").path(predictions.size());
      predictions.add(prediction(each).with(alternatives(others)));
    }
    return new TraceRecord.Step(
        cursor(json),
        commits(json, "commits"),
        commits(json, "edits"),
        ints(json, "remasked"),
        noise(json),
        drafts(json),
        json.has("forwards") ? integer(json, "forwards") : 1,
        json.has("predictions")
            ? Optional.of(new TraceRecord.Asked(ints(json, "rows"), predictions))
            : Optional.empty(),
        json.path("nanos").longValue());
  }

  private static List<Noise> noise(JsonNode json) {
    List<Noise> noise = new ArrayList<>();
    json.path("noise")
        .forEach(each -> noise.add(new Noise(at(each, 0).intValue(), at(each, 1).intValue())));
    return noise;
  }

  private static Drafts drafts(JsonNode json) {
    if (!json.has("drafts")) {
      return Drafts.NONE;
    }
    JsonNode node = json.path("drafts");
    return new Drafts(
        integer(node, "first"), ints(node, "ids").stream().mapToInt(Integer::intValue).toArray());
  }

  private static TraceRecord.Event event(JsonNode json) {
    Map<Integer, Integer> writes = new TreeMap<>();
    json.path("writes").forEach(each -> writes.put(at(each, 0).intValue(), at(each, 1).intValue()));
    return new TraceRecord.Event(
        cursor(json),
        text(json, "name"),
        text(json, "cause"),
        writes,
        ints(json, "remasked"),
        integer(json, "forwards"),
        json.has("seed")
            ? OptionalLong.of(number(json.path("seed")).longValue())
            : OptionalLong.empty());
  }

  private static Prediction prediction(JsonNode json) {
    return new Prediction(
        at(json, 0).intValue(),
        at(json, 1).doubleValue(),
        at(json, 2).intValue(),
        at(json, 3).doubleValue(),
        at(json, 4).doubleValue(),
        at(json, 5).doubleValue(),
        at(json, 6).doubleValue());
  }

  private static List<Alternative> alternatives(JsonNode json) {
    List<Alternative> alternatives = new ArrayList<>();
    json.forEach(
        each ->
            alternatives.add(new Alternative(at(each, 0).intValue(), at(each, 1).doubleValue())));
    return alternatives;
  }

  private static List<Commit> commits(JsonNode json, String field) {
    List<Commit> commits = new ArrayList<>();
    for (JsonNode each : json.path(field)) {
      commits.add(
          new Commit(
              at(each, 0).intValue(),
              at(each, 1).intValue(),
              at(each, 2).doubleValue(),
              at(each, 3).doubleValue(),
              at(each, 4).doubleValue()));
    }
    return commits;
  }

  private static Cursor cursor(JsonNode json) {
    List<Integer> at = ints(json, "at");
    if (at.size() != 4) {
      throw new IllegalArgumentException("\"at\" has " + at.size() + " numbers instead of 4");
    }
    return new Cursor(at.get(0), at.get(1), at.get(2), at.get(3));
  }

  private static List<Integer> ints(JsonNode json, String field) {
    List<Integer> values = new ArrayList<>();
    for (JsonNode each : json.path(field)) {
      values.add(number(each).intValue());
    }
    return values;
  }

  private static JsonNode at(JsonNode array, int index) {
    return number(array.path(index));
  }

  private static JsonNode number(JsonNode node) {
    if (!node.isNumber()) {
      throw new IllegalArgumentException("a number was expected, not " + node);
    }
    return node;
  }

  private static int integer(JsonNode json, String field) {
    JsonNode node = json.path(field);
    if (!node.isInt()) {
      throw new IllegalArgumentException("\"" + field + "\" is missing or no whole number");
    }
    return node.intValue();
  }

  static String text(JsonNode json, String field) {
    JsonNode node = json.path(field);
    if (!node.isString()) {
      throw new IllegalArgumentException("\"" + field + "\" is missing or no text");
    }
    return node.stringValue();
  }

  private static void require(JsonNode json, String field, String value) {
    if (!text(json, field).equals(value)) {
      throw new IllegalArgumentException("it is not a " + value + " of a trace");
    }
  }
}
