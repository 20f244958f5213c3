package dev.palimpsest.app.battery;

import dev.palimpsest.app.file.PackedLines;
import dev.palimpsest.lab.battery.ItemResult;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import tools.jackson.databind.JsonNode;

/**
 * What a battery observed: a gzipped file with one JSON object a line, the first about the run, the
 * others an {@link ItemResult} each, model by model in the order of the problems.
 */
record BatteryFile(BatteryFacts facts, List<ItemResult> items) {
  /** The command that writes such files. */
  static final String COMMAND = "battery";

  static BatteryFile read(Path file) {
    PackedLines<BatteryFacts, ItemResult> found =
        PackedLines.read(file, COMMAND, BatteryFacts.class, ItemResult.class);
    return new BatteryFile(found.head(), found.lines());
  }

  /** Writes it, whole or not at all. */
  void write(Path file) throws IOException {
    new PackedLines<>(facts, items).write(file);
  }

  /** The facts as a journal has them. */
  static BatteryFacts facts(Path file, JsonNode head) {
    return PackedLines.value(file, 1, COMMAND, head, BatteryFacts.class);
  }

  /**
   * A text's observations as a journal has them.
   *
   * @param number of its line, from 1
   */
  static ItemResult item(Path file, int number, JsonNode entry) {
    return PackedLines.value(file, number, COMMAND, entry, ItemResult.class);
  }
}
