package dev.palimpsest.app.battery;

import dev.palimpsest.app.file.Journal;
import dev.palimpsest.app.terminal.Interruption;
import dev.palimpsest.app.terminal.ProgressBars;
import dev.palimpsest.lab.battery.Battery;
import dev.palimpsest.lab.battery.ItemResult;
import dev.palimpsest.lab.battery.Part;
import dev.palimpsest.lab.battery.Subject;
import dev.palimpsest.lab.battery.Task;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;
import me.tongfei.progressbar.ProgressBar;
import tools.jackson.databind.JsonNode;

/**
 * Measures what is not measured yet, and keeps every text as soon as it is: in a journal until all
 * are there, then in one file.
 */
final class Measurement {
  private final Path folder;
  private final List<Entrant> entrants;
  private final List<Task> tasks;
  private final Pattern answer;
  private final int atOnce;
  private final ProblemPages pages;
  private final Map<Text, ItemResult> measured = new ConcurrentHashMap<>();

  /**
   * A measurement.
   *
   * @param atOnce problems that are under way at once
   */
  Measurement(
      Path folder,
      List<Entrant> entrants,
      List<Task> tasks,
      Pattern answer,
      int atOnce,
      ProblemPages pages) {
    this.folder = folder;
    this.entrants = entrants;
    this.tasks = tasks;
    this.answer = answer;
    this.atOnce = atOnce;
    this.pages = pages;
  }

  static Path items(Path folder) {
    return folder.resolve("items.jsonl.gz");
  }

  static Path journal(Path folder) {
    return folder.resolve("items.partial.jsonl");
  }

  /** A text of a model. */
  private record Text(String model, int item) {
    static Text of(ItemResult result) {
      return new Text(result.model(), result.item());
    }
  }

  /** Measures, or takes what was measured before of the same facts. */
  void run(BatteryFacts facts, List<Part> parts) throws IOException {
    BatteryFacts begun = facts;
    Path items = items(folder);
    Path journalFile = journal(folder);
    if (Files.exists(items)) {
      BatteryFile before = BatteryFile.read(items);
      Journal.requireSame(
          items, Journal.json(before.facts()), Journal.json(facts), BatteryFacts.INCIDENTAL);
      before.items().forEach(each -> measured.put(Text.of(each), each));
      begun = before.facts();
      if (isComplete() && !Files.exists(journalFile)) {
        return;
      }
    }
    try (Journal journal = Journal.open(journalFile, begun, BatteryFacts.INCIDENTAL)) {
      int line = 1;
      for (JsonNode entry : journal.entries()) {
        ItemResult result = BatteryFile.item(journalFile, ++line, entry);
        measured.put(Text.of(result), result);
      }
      measure(journal, parts);
      new BatteryFile(BatteryFile.facts(journalFile, journal.head()), sorted(measured.values()))
          .write(items);
    }
    Files.delete(journalFile);
  }

  private boolean isComplete() {
    return entrants.stream().allMatch(entrant -> missing(entrant).isEmpty());
  }

  private List<Task> missing(Entrant entrant) {
    return tasks.stream()
        .filter(task -> !measured.containsKey(new Text(entrant.name(), task.number())))
        .toList();
  }

  private void measure(Journal journal, List<Part> parts) {
    int wanted = entrants.size() * tasks.size();
    int left = entrants.stream().mapToInt(entrant -> missing(entrant).size()).sum();
    try (ProgressBar bar = ProgressBars.start("Measuring", wanted, wanted - left);
        Interruption _ =
            Interruption.then(
                () ->
                    System.err.printf(
                        "%npalimpsest: %d texts of %d are measured and kept in %s; the same command"
                            + " goes on%n",
                        measured.size(), wanted, folder))) {
      for (Entrant entrant : entrants) {
        List<Task> missing = missing(entrant);
        if (!missing.isEmpty()) {
          try (entrant) {
            Subject subject = entrant.subject(answer);
            new Battery(parts, atOnce, maxTokens(subject))
                .run(
                    subject,
                    missing,
                    done -> {
                      keep(journal, done);
                      bar.step();
                    });
          }
        }
      }
    }
  }

  /** As many tokens as the texts without a change have together. */
  private long maxTokens(Subject subject) {
    int longest =
        tasks.stream()
            .mapToInt(each -> subject.prompt().apply(each.text()).length)
            .max()
            .orElseThrow();
    return (long) atOnce * (longest + subject.options().positions(longest));
  }

  private void keep(Journal journal, Battery.Done done) {
    try {
      pages.write(done);
      journal.add(done.result());
      measured.put(Text.of(done.result()), done.result());
    } catch (IOException e) {
      throw new UncheckedIOException(String.valueOf(e.getMessage()), e);
    }
  }

  private List<ItemResult> sorted(Collection<ItemResult> results) {
    List<String> names = entrants.stream().map(Entrant::name).toList();
    return results.stream()
        .sorted(
            Comparator.comparingInt((ItemResult each) -> names.indexOf(each.model()))
                .thenComparingInt(ItemResult::item))
        .toList();
  }
}
