package dev.palimpsest.app.batch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.palimpsest.api.Completion;
import dev.palimpsest.app.ChildProcess;
import dev.palimpsest.engine.checkpoint.CheckpointException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.LongStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The file of results: that nothing in it is lost, doubled or out of place. */
final class OutputTest {
  private static final Map<String, Object> FACTS = Map.of("command", "batch", "seed", 1);
  private static final int ROWS = 300;
  private static final int UNDER_WAY = 12;

  @TempDir private Path folder;
  private Path out;

  @BeforeEach
  void name() {
    out = folder.resolve("out.jsonl");
  }

  private static ResultForm form(Order order) {
    return new ResultForm(order, false);
  }

  private static byte[] line(Order order, long row) {
    String text = "text Ω " + "x".repeat((int) (row * 37 % 90));
    return form(order)
        .line(
            row,
            new Completion("row " + row, text, List.of(1, 2), "stop", 3, 0.5, 0.1, 0.2, row, null));
  }

  private static byte[] whole() {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    LongStream.range(0, ROWS).forEach(row -> bytes.writeBytes(line(Order.INPUT, row)));
    return bytes.toByteArray();
  }

  /** Adds what is missing, as rows are finished that are under way together. */
  private static void work(Output output, Order order, Random random, int most) throws IOException {
    List<Long> underWay = new ArrayList<>();
    long next = 0;
    for (int added = 0; added < most && (next < ROWS || !underWay.isEmpty()); added++) {
      while (underWay.size() < UNDER_WAY && next < ROWS) {
        if (!output.results().has(next)) {
          underWay.add(next);
        }
        next++;
      }
      if (!underWay.isEmpty()) {
        long row = underWay.remove(random.nextInt(underWay.size()));
        output.results().add(row, line(order, row));
        assertThat(output.results().has(row)).isTrue();
      }
    }
  }

  private void requireAll(Order order) throws IOException {
    if (order == Order.INPUT) {
      assertThat(out).hasBinaryContent(whole());
    } else {
      assertThat(Files.readAllLines(out))
          .containsExactlyInAnyOrderElementsOf(
              LongStream.range(0, ROWS)
                  .mapToObj(row -> new String(line(order, row), StandardCharsets.UTF_8).strip())
                  .toList());
    }
  }

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void whereverItIsCutItGoesOnToTheSameBytes(long seed) throws IOException {
    Random random = new Random(seed);
    for (Order order : Order.values()) {
      Files.deleteIfExists(out);
      Files.deleteIfExists(ResumeFile.of(out));
      for (int time = 0; time < 12; time++) {
        try (Output output = Output.open(out, form(order), FACTS)) {
          work(output, order, random, random.nextInt(40));
        }
        for (Path file : List.of(out, ResumeFile.of(out))) {
          byte[] bytes = Files.readAllBytes(file);
          // What a process that is killed leaves of its last write.
          int last =
              new String(bytes, StandardCharsets.ISO_8859_1).lastIndexOf('\n', bytes.length - 2);
          if (last > 0 && random.nextBoolean()) {
            Files.write(file, Arrays.copyOf(bytes, last + 1 + random.nextInt(bytes.length - last)));
            break;
          }
        }
      }
      try (Output output = Output.open(out, form(order), FACTS)) {
        work(output, order, random, Integer.MAX_VALUE);
        assertThat(output.results().size()).isEqualTo(ROWS);
      }
      requireAll(order);
    }
  }

  @Test
  void resultsAheadOfTheirTurnAreKeptAndTheirFileStaysSmall() throws IOException {
    try (Output output = Output.open(out, form(Order.INPUT), FACTS)) {
      for (long row = 1; row < ROWS; row++) {
        output.results().add(row, line(Order.INPUT, row));
      }
    }
    assertThat(out).isEmptyFile();
    try (Output output = Output.open(out, form(Order.INPUT), FACTS)) {
      assertThat(output.results().size()).isEqualTo(ROWS - 1);
      assertThat(output.results().has(0)).isFalse();
      output.results().add(0, line(Order.INPUT, 0));
    }
    requireAll(Order.INPUT);
    assertThat(Files.readAllLines(ResumeFile.of(out))).hasSize(1);
  }

  @Test
  void oneSlowRowLetsNotMoreThanSomeMegabytesPileUp() throws IOException {
    int length = 1 << 16;
    byte[] large = new byte[length];
    Arrays.fill(large, (byte) ' ');
    large[0] = '{';
    large[large.length - 2] = '}';
    large[large.length - 1] = '\n';
    try (Output output = Output.open(out, form(Order.INPUT), FACTS)) {
      long row = 1;
      while (!output.results().isFull()) {
        output.results().add(row++, large);
      }
      assertThat(row * large.length).isBetween(1L << 24, (1L << 24) + 3L * length);
      output.results().add(0, large);
      assertThat(output.results().isFull()).isFalse();
      assertThat(Files.size(out)).isEqualTo(row * large.length);
    }
  }

  @ParameterizedTest
  @EnumSource(Order.class)
  void aDamagedLastLineIsCutAndAnEarlierOneRefused(Order order) throws IOException {
    try (Output output = Output.open(out, form(order), FACTS)) {
      work(output, order, new Random(1), 20);
    }
    String before = Files.readString(out);
    Files.writeString(out, before + "{\"id\": \0\0\n");
    try (Output output = Output.open(out, form(order), FACTS)) {
      work(output, order, new Random(2), Integer.MAX_VALUE);
    }
    requireAll(order);
    String damaged = "{\"id\"\n" + before;
    Files.writeString(out, damaged);
    assertThatThrownBy(() -> Output.open(out, form(order), FACTS))
        .isInstanceOf(CheckpointException.class)
        .hasMessage(out + ": line 1 is not what this command writes: use another name.");
    assertThat(out).hasContent(damaged);
  }

  @Test
  void resultsOfOtherFactsAndFilesOfOthersAreLeftAlone() throws IOException {
    try (Output output = Output.open(out, form(Order.INPUT), FACTS)) {
      work(output, Order.INPUT, new Random(1), 30);
    }
    byte[] before = Files.readAllBytes(out);
    Map<String, Object> other = Map.of("command", "batch", "seed", 2);
    assertThatThrownBy(() -> Output.open(out, form(Order.INPUT), other))
        .hasMessage(out + ": it holds results for seed 1, and now it is 2: use another name.");
    Files.delete(ResumeFile.of(out));
    assertThatThrownBy(() -> Output.open(out, form(Order.INPUT), FACTS))
        .hasMessage(
            out + ": it exists, and no out.jsonl.resume says what it holds: use another name.");
    assertThat(out).hasBinaryContent(before);
  }

  @Test
  void twoCannotHaveIt() throws IOException {
    try (Output _ = Output.open(out, form(Order.INPUT), FACTS)) {
      assertThatThrownBy(() -> Output.open(out, form(Order.INPUT), FACTS))
          .hasMessage(out + ": another process is writing it: wait for its end.");
    }
    Output.open(out, form(Order.INPUT), FACTS).close();
  }

  @Test
  void aFullDiskEndsItAndWhatIsWholeStays() throws IOException {
    Path full = Path.of("/dev/full");
    assumeTrue(Files.exists(full), "no device that is always full here");
    Files.createSymbolicLink(out, full);
    try (Output output = Output.open(out, form(Order.INPUT), FACTS)) {
      assertThatThrownBy(() -> output.results().add(0, line(Order.INPUT, 0)))
          .isInstanceOf(IOException.class)
          .hasMessageStartingWith(out + ": it cannot be written: ");
      assertThat(output.results().has(0)).isFalse();
    }
  }

  @Test
  void aFolderThatCannotBeWrittenIsNamed() {
    Path nobodys = Path.of("/sys");
    assumeTrue(Files.isDirectory(nobodys), "no folder that nobody can write here");
    Path there = nobodys.resolve("out.jsonl");
    assertThatThrownBy(() -> Output.open(there, form(Order.INPUT), FACTS))
        .isInstanceOf(FileSystemException.class)
        .hasMessageContaining(there.toString());
  }

  @ParameterizedTest
  @EnumSource(Order.class)
  void aStreamGetsTheSameLines(Order order) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    work(
        Output.to(new PrintStream(bytes, true, StandardCharsets.UTF_8), order),
        order,
        new Random(3),
        Integer.MAX_VALUE);
    Files.write(out, bytes.toByteArray());
    requireAll(order);
  }

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {1, 2})
  void aProcessThatIsKilledAtAnyMomentLosesNothing(long seed) throws Exception {
    Random random = new Random(seed);
    Order order = seed % 2 == 0 ? Order.DONE : Order.INPUT;
    int kills = 0;
    boolean finished = false;
    while (!finished) {
      long before = bytes();
      List<String> arguments =
          List.of(order.name(), out.toString(), String.valueOf(random.nextLong()));
      Process process = ChildProcess.start(Worker.class, folder, arguments);
      try {
        while (bytes() == before && process.isAlive()) {
          Thread.sleep(1); // it is starting
        }
        finished = process.waitFor(random.nextInt(60), TimeUnit.MILLISECONDS);
      } finally {
        process.destroyForcibly().waitFor();
      }
      if (finished) {
        assertThat(process.exitValue()).as(Files.readString(folder.resolve("err"))).isZero();
      } else {
        kills++;
      }
    }
    assertThat(kills).as("a worker that is never killed shows nothing").isPositive();
    requireAll(order);
  }

  private long bytes() throws IOException {
    return (Files.exists(out) ? Files.size(out) : 0)
        + (Files.exists(ResumeFile.of(out)) ? Files.size(ResumeFile.of(out)) : 0);
  }

  /** Adds the results that are missing, slowly. */
  static final class Worker {
    private Worker() {}

    public static void main(String[] arguments) throws IOException, InterruptedException {
      Order order = Order.valueOf(arguments[0]);
      Random random = new Random(Long.parseLong(arguments[2]));
      try (Output output = Output.open(Path.of(arguments[1]), form(order), FACTS)) {
        List<Long> missing = new ArrayList<>();
        LongStream.range(0, ROWS).filter(row -> !output.results().has(row)).forEach(missing::add);
        for (int from = 0; from < missing.size(); from += UNDER_WAY) {
          List<Long> some = missing.subList(from, Math.min(missing.size(), from + UNDER_WAY));
          Collections.shuffle(some, random);
          for (long row : some) {
            output.results().add(row, line(order, row));
            Thread.sleep(0, random.nextInt(2_000_000) % 999_999);
          }
        }
      }
    }
  }
}
