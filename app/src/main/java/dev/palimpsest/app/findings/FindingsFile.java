package dev.palimpsest.app.findings;

import dev.palimpsest.app.file.PackedLines;
import dev.palimpsest.lab.study.Item;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/**
 * What an experiment found: a gzipped file with one JSON object a line, the first about the run,
 * the others an {@link Item} each.
 *
 * @param run where, when and how
 * @param items in the order of the problems
 */
record FindingsFile(RunFacts run, List<Item> items) {
  /** The command that writes such files. */
  static final String COMMAND = "findings";

  /**
   * How the items came about.
   *
   * @param command that writes the file
   * @param date of the run's beginning, in UTC
   * @param revision of the sources
   * @param engine version
   * @param model its name and the checksum of its files
   * @param machine backend, processor, precision and arithmetic
   * @param java version
   * @param sampler of the generations
   * @param options of it, with the seed of problem 0
   * @param file of the problems, its name alone
   * @param problems SHA-256 of all that is asked: ids, prompts and answers
   * @param answerPattern finds the answer
   * @param at steps of the edits
   * @param roundSteps steps of a loop's round
   * @param rounds of a loop after its first
   * @param share of the positions that a loop masks again
   * @param plainSteps steps of the generations that the loops are compared with
   */
  record RunFacts(
      String command,
      String date,
      String revision,
      String engine,
      Map<String, String> model,
      Map<String, String> machine,
      String java,
      String sampler,
      Map<String, Object> options,
      String file,
      String problems,
      String answerPattern,
      List<Integer> at,
      int roundSteps,
      int rounds,
      double share,
      List<Integer> plainSteps) {
    /** Names of the facts on which no item depends. */
    static final List<String> INCIDENTAL =
        List.of("date", "revision", "java", "backend", "device", "file", "name");
  }

  /** Reads a file. */
  static FindingsFile read(Path file) {
    PackedLines<RunFacts, Item> found = PackedLines.read(file, COMMAND, RunFacts.class, Item.class);
    return new FindingsFile(found.head(), found.lines());
  }

  /** Writes a file, whole or not at all. */
  static void write(Path file, RunFacts run, List<Item> items) throws IOException {
    new PackedLines<>(run, items).write(file);
  }

  /** The facts as a journal has them. */
  static RunFacts facts(Path file, JsonNode head) {
    return PackedLines.value(file, 1, COMMAND, head, RunFacts.class);
  }

  /**
   * An item as a journal has it.
   *
   * @param number of its line, from 1
   */
  static Item item(Path file, int number, JsonNode entry) {
    return PackedLines.value(file, number, COMMAND, entry, Item.class);
  }
}
