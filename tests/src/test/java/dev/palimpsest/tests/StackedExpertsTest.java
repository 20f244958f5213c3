package dev.palimpsest.tests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.engine.backend.host.HostBackend;
import dev.palimpsest.engine.checkpoint.Checkpoint;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.engine.forward.Transformer;
import dev.palimpsest.engine.model.Families;
import dev.palimpsest.step.Draw;
import dev.palimpsest.step.Query;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** The same experts, a tensor each and three to a layer. */
final class StackedExpertsTest {
  private static final JsonMapper MAPPER = new JsonMapper();
  private static final Path ORACLE = Path.of("src", "test", "resources", "oracle");
  private static final Pattern EXPERT = Pattern.compile("(.*\\.experts)\\.(\\d+)\\.(.*)\\.weight");

  @ParameterizedTest(name = "{0}, named {1}")
  @CsvSource({"llada2-moe, ''", "llada2-moe, .weight", "llada-moe, .weight"})
  void stackedExpertsComputeWhatSingleOnesDo(String model, String leaf, @TempDir Path folder)
      throws IOException {
    Path single = ORACLE.resolve(model);
    Files.copy(single.resolve("config.json"), folder.resolve("config.json"));
    int layers =
        stack(
            single.resolve("model.safetensors"),
            folder.resolve("model.safetensors"),
            leaf == null ? "" : leaf);
    assertThat(layers).isPositive();
    assertThat(logits(folder)).isEqualTo(logits(single));
  }

  private static float[] logits(Path folder) {
    int[] tokens = IntStream.rangeClosed(1, 19).toArray();
    int[] rows = IntStream.range(0, tokens.length).toArray();
    try (Checkpoint checkpoint = Checkpoint.open(folder);
        Transformer transformer =
            Transformer.load(
                checkpoint,
                Families.spec(checkpoint.config()),
                new HostBackend(Precision.F32, 1),
                _ -> {})) {
      return transformer.logits(new Query(tokens, 0, rows, 0, Draw.GREEDY, Optional.empty()));
    }
  }

  /** Writes the tensors of a file with each layer's experts behind each other in one tensor. */
  private static int stack(Path from, Path to, String leaf) throws IOException {
    byte[] bytes = Files.readAllBytes(from);
    int length = Math.toIntExact(ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong(0));
    JsonNode header = MAPPER.readTree(new String(bytes, 8, length, StandardCharsets.UTF_8));
    Map<String, ObjectNode> entries = new LinkedHashMap<>();
    Map<String, ByteArrayOutputStream> data = new LinkedHashMap<>();
    int stacked = 0;
    for (String name : header.propertyNames()) {
      if (name.equals("__metadata__")) {
        continue;
      }
      JsonNode tensor = header.path(name);
      Matcher expert = EXPERT.matcher(name);
      boolean isExpert = expert.matches();
      String written = isExpert ? expert.group(1) + "." + expert.group(3) + leaf : name;
      if (isExpert && !entries.containsKey(written)) {
        stacked++;
        int count = 0;
        while (header.has(expert.group(1) + "." + count + "." + expert.group(3) + ".weight")) {
          count++;
        }
        for (int each = 0; each < count; each++) {
          String one = expert.group(1) + "." + each + "." + expert.group(3) + ".weight";
          append(data, written, bytes, 8 + length, header.path(one));
        }
        ObjectNode entry = entry(tensor);
        entry
            .putArray("shape")
            .add(count)
            .add(tensor.path("shape").path(0).intValue())
            .add(tensor.path("shape").path(1).intValue());
        entries.put(written, entry);
      } else if (!isExpert) {
        append(data, written, bytes, 8 + length, tensor);
        ObjectNode entry = entry(tensor);
        entry.set("shape", tensor.path("shape"));
        entries.put(written, entry);
      }
    }
    write(to, entries, data);
    return stacked;
  }

  private static ObjectNode entry(JsonNode tensor) {
    return MAPPER.createObjectNode().put("dtype", tensor.path("dtype").stringValue());
  }

  private static void append(
      Map<String, ByteArrayOutputStream> data, String name, byte[] bytes, int base, JsonNode tensor)
      throws IOException {
    int begin = base + tensor.path("data_offsets").path(0).intValue();
    int end = base + tensor.path("data_offsets").path(1).intValue();
    data.computeIfAbsent(name, _ -> new ByteArrayOutputStream())
        .write(Arrays.copyOfRange(bytes, begin, end));
  }

  private static void write(
      Path to, Map<String, ObjectNode> entries, Map<String, ByteArrayOutputStream> data)
      throws IOException {
    ByteArrayOutputStream body = new ByteArrayOutputStream();
    ObjectNode header = MAPPER.createObjectNode();
    for (Map.Entry<String, ObjectNode> each : entries.entrySet()) {
      int begin = body.size();
      data.getOrDefault(each.getKey(), new ByteArrayOutputStream()).writeTo(body);
      each.getValue().putArray("data_offsets").add(begin).add(body.size());
      header.set(each.getKey(), each.getValue());
    }
    String json = header.toString();
    byte[] text = (json + " ".repeat(-json.length() & 7)).getBytes(StandardCharsets.UTF_8);
    ByteArrayOutputStream file = new ByteArrayOutputStream();
    file.write(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(text.length).array());
    file.write(text);
    body.writeTo(file);
    Files.write(to, file.toByteArray());
  }
}
