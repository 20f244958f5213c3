package dev.palimpsest.app;

import dev.palimpsest.engine.checkpoint.CheckpointException;
import dev.palimpsest.sampler.study.Item;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import tools.jackson.core.JacksonException;
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
   * @param date of the run's beginning, in UTC
   * @param revision of the sources
   * @param engine version
   * @param model its name and the checksum of its files
   * @param machine backend, processor and precision
   * @param java version
   * @param sampler of the generations
   * @param options of it, with the seed of problem 0
   * @param file of the problems, its name alone
   * @param at steps of the edits
   * @param roundSteps steps of a loop's round
   * @param rounds of a loop after its first
   * @param share of the positions that a loop masks again
   * @param plainSteps steps of the generations that the loops are compared with
   */
  record RunFacts(
      String date,
      String revision,
      String engine,
      Map<String, String> model,
      Map<String, String> machine,
      String java,
      String sampler,
      Map<String, Object> options,
      String file,
      List<Integer> at,
      int roundSteps,
      int rounds,
      double share,
      List<Integer> plainSteps) {}

  /** Reads a file; one that was cut off gives what is whole. */
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

  /** Writes a file line by line, each on disk before the next is measured. */
  static final class Writer implements AutoCloseable {
    private final BufferedWriter out;

    Writer(Path file, RunFacts run) throws IOException {
      out =
          new BufferedWriter(
              new OutputStreamWriter(
                  new GZIPOutputStream(Files.newOutputStream(file), 8192, true),
                  StandardCharsets.UTF_8));
      line(run);
    }

    void add(List<Item> items) {
      items.forEach(this::line);
    }

    private void line(Object value) {
      try {
        out.write(MAPPER.writeValueAsString(value));
        out.write('\n');
        out.flush();
      } catch (IOException e) {
        throw new UncheckedIOException("the findings cannot be written: " + e.getMessage(), e);
      }
    }

    @Override
    public void close() throws IOException {
      out.close();
    }
  }
}
