package dev.palimpsest.app.findings;

import dev.palimpsest.app.file.Replacement;
import dev.palimpsest.engine.checkpoint.CheckpointException;
import dev.palimpsest.lab.study.Item;
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
import java.util.Map;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * What an experiment found: a gzipped file with one JSON object a line, the first about the run,
 * the others an {@link Item} each.
 *
 * @param run where, when and how
 * @param items in the order of the problems
 */
record FindingsFile(RunFacts run, List<Item> items) {
  private static final JsonMapper MAPPER = new JsonMapper();

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
  static FindingsFile read(Path file) throws IOException {
    if (!Files.isRegularFile(file)) {
      throw new CheckpointException(file + ": there is no such file of findings.");
    }
    int number = 1;
    try (BufferedReader in =
        new BufferedReader(
            new InputStreamReader(
                new GZIPInputStream(Files.newInputStream(file)), StandardCharsets.UTF_8))) {
      RunFacts run = MAPPER.readValue(in.readLine(), RunFacts.class);
      List<Item> items = new ArrayList<>();
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        number++;
        items.add(MAPPER.readValue(line, Item.class));
      }
      return new FindingsFile(run, items);
    } catch (JacksonException | IllegalArgumentException e) {
      throw new CheckpointException(
          file + ": line " + number + " is not what `findings` writes.", e);
    } catch (IOException e) {
      throw new CheckpointException(
          file + ": it is not whole or not packed with gzip: " + e.getMessage() + ".", e);
    }
  }

  /** Writes a file, whole or not at all. */
  static void write(Path file, RunFacts run, List<Item> items) throws IOException {
    Replacement.write(
        file,
        temporary -> {
          try (BufferedWriter out =
              new BufferedWriter(
                  new OutputStreamWriter(
                      new GZIPOutputStream(Files.newOutputStream(temporary)),
                      StandardCharsets.UTF_8))) {
            out.write(MAPPER.writeValueAsString(run) + "\n");
            for (Item item : items) {
              out.write(MAPPER.writeValueAsString(item) + "\n");
            }
          }
        });
  }

  /** The facts as a journal has them. */
  static RunFacts facts(Path file, JsonNode head) {
    try {
      return MAPPER.treeToValue(head, RunFacts.class);
    } catch (JacksonException e) {
      throw new CheckpointException(file + ": line 1 is not what `findings` writes.", e);
    }
  }

  /** An item as a journal has it. */
  static Item item(Path file, JsonNode entry) {
    try {
      return MAPPER.treeToValue(entry, Item.class);
    } catch (JacksonException e) {
      throw new CheckpointException(file + ": it holds a line that is no item.", e);
    }
  }
}
