package dev.palimpsest.app.battery;

import dev.palimpsest.app.file.Replacement;
import dev.palimpsest.engine.checkpoint.CheckpointException;
import dev.palimpsest.lab.battery.ItemResult;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/**
 * What a battery observed: a gzipped file with one JSON object a line, the first about the run, the
 * others an {@link ItemResult} each, model by model in the order of the problems.
 */
record BatteryFile(BatteryFacts facts, List<ItemResult> items) {
  private static final JsonMapper MAPPER = new JsonMapper();

  static BatteryFile read(Path file) throws IOException {
    if (!Files.isRegularFile(file)) {
      throw new CheckpointException(file + ": there is no such file of a battery.");
    }
    int number = 1;
    try (BufferedReader in =
        new BufferedReader(
            new InputStreamReader(
                new GZIPInputStream(Files.newInputStream(file)), StandardCharsets.UTF_8))) {
      BatteryFacts facts = MAPPER.readValue(in.readLine(), BatteryFacts.class);
      List<ItemResult> items = new ArrayList<>();
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        number++;
        items.add(MAPPER.readValue(line, ItemResult.class));
      }
      return new BatteryFile(facts, items);
    } catch (JacksonException | IllegalArgumentException e) {
      throw new CheckpointException(
          file + ": line " + number + " is not what `battery` writes.", e);
    } catch (IOException e) {
      throw new CheckpointException(
          file + ": it is not whole or not packed with gzip: " + e.getMessage() + ".", e);
    }
  }

  /** Writes it, whole or not at all. */
  void write(Path file) throws IOException {
    Replacement.write(
        file,
        temporary -> {
          try (BufferedWriter out =
              new BufferedWriter(
                  new OutputStreamWriter(
                      new GZIPOutputStream(Files.newOutputStream(temporary)),
                      StandardCharsets.UTF_8))) {
            out.write(MAPPER.writeValueAsString(facts));
            out.write('\n');
            for (ItemResult item : items) {
              out.write(MAPPER.writeValueAsString(item));
              out.write('\n');
            }
          }
        });
  }
}
