package dev.palimpsest.sampler.trace;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.CellState;
import dev.palimpsest.sampler.canvas.Snapshot;
import dev.palimpsest.sampler.run.Driver;
import dev.palimpsest.sampler.run.Run;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

final class TraceTest {
  @TempDir private Path folder;

  static LongStream seeds() {
    return LongStream.range(0, 30);
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void everyCanvasIsRebuiltExactlyFromTheFile(long seed) {
    for (String name : List.of("a.trace.jsonl", "a.trace.jsonl.zst")) {
      List<CanvasImage> canvases = Fixture.of(seed).generate(folder.resolve(name), seed % 2 == 0);
      Trace trace = Trace.read(folder.resolve(name));
      assertThat(trace.damage()).isEmpty();
      assertThat(trace.steps()).isEqualTo(canvases.size() - 1);
      for (int step = 0; step <= trace.steps(); step++) {
        assertThat(trace.canvasBefore(step)).isEqualTo(canvases.get(step));
      }
      assertThat(trace.end()).contains(new TraceRecord.End(true, forwards(trace)));
    }
  }

  @Test
  void everyStateOfAPositionIsWrittenAndRead() {
    CanvasImage canvas =
        CanvasImage.of(
            new int[] {3, 0, 4, 5, 7},
            new CellState[] {
              CellState.PROMPT,
              CellState.MASKED,
              CellState.COMMITTED,
              CellState.FIXED,
              CellState.NOISE
            },
            1);
    assertThat(CellState.values()).hasSize(5);
    assertThat(CellState.letters(canvas)).isEqualTo("PMCFN");
    assertThat(CellState.ofLetters("PMCFN")).containsExactly(canvas.states());
    assertThatThrownBy(() -> CellState.ofLetters("PX")).hasMessageContaining("state X");
  }

  /** What LLaDA's options say: a step of a block that is full runs none, a guided one two. */
  private static int forwards(Trace trace) {
    int each = trace.header().options().getOrDefault("cfg_scale", 0.0).equals(0.0) ? 1 : 2;
    int forwards = 0;
    for (int step = 0; step < trace.steps(); step++) {
      forwards +=
          trace
                  .step(step)
                  .asked()
                  .map(a -> a.rows().isEmpty())
                  .orElse(trace.step(step).forwards() == 0)
              ? 0
              : each;
    }
    return forwards;
  }

  @Test
  void aTraceOnASlowDiskHoldsEveryStepBeforeTheNextBegins() throws IOException {
    ByteArrayOutputStream disk = new ByteArrayOutputStream();
    OutputStream slow =
        new OutputStream() {
          @Override
          public void write(int each) {
            disk.write(each);
          }

          @Override
          public void write(byte[] from, int at, int count) throws IOException {
            try {
              Thread.sleep(3);
            } catch (InterruptedException e) {
              throw new InterruptedIOException(e.getMessage());
            }
            disk.write(from, at, count);
          }
        };
    Fixture fixture = Fixture.of(1);
    Run run = fixture.run();
    Path file = folder.resolve("a.trace.jsonl");
    try (TraceWriter writer = new TraceWriter(slow, fixture.header(), Fixture::piece, false)) {
      Driver driver = new Driver(fixture.model());
      driver.submit(
          run,
          snapshot -> {
            writer.snapshot(snapshot);
            try {
              Files.write(file, disk.toByteArray());
            } catch (IOException e) {
              throw new UncheckedIOException(e);
            }
            assertThat(Trace.read(file).steps()).isEqualTo(snapshot.step() + 1);
          });
      driver.run(() -> false);
    }
    assertThat(run.finished()).isTrue();
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void everyNumberAndTheWholeHeaderComeBackAsTheyWere(long seed) {
    Path file = folder.resolve("a.trace.jsonl.zst");
    Fixture fixture = Fixture.of(seed);
    List<Snapshot> snapshots = new ArrayList<>();
    Run run = fixture.run();
    try (TraceWriter writer = TraceWriter.open(file, fixture.header(), Fixture::piece, true)) {
      Driver driver = new Driver(fixture.model());
      driver.submit(
          run,
          snapshot -> {
            writer.snapshot(snapshot);
            snapshots.add(snapshot);
          });
      driver.run(() -> false);
      writer.end(true, run.canvas());
    }
    Trace trace = Trace.read(file);
    assertThat(trace.header().samplingOptions()).isEqualTo(fixture.header().samplingOptions());
    assertThat(trace.header().start()).isEqualTo(fixture.header().start());
    assertThat(trace.header().machine()).isEqualTo(fixture.header().machine());
    for (int step = 0; step < snapshots.size(); step++) {
      Snapshot snapshot = snapshots.get(step);
      TraceRecord.Step read = trace.step(step);
      assertThat(read.at()).isEqualTo(snapshot.at());
      assertThat(read.commits()).isEqualTo(snapshot.commits());
      assertThat(read.asked().orElseThrow().predictions()).isEqualTo(snapshot.predictions());
      assertThat(read.asked().orElseThrow().rows())
          .containsExactly(Arrays.stream(snapshot.rows()).boxed().toArray(Integer[]::new));
    }
    trace.pieces().forEach((id, text) -> assertThat(text).isEqualTo(Fixture.piece(id)));
  }

  @ParameterizedTest(name = "{0} cut at {1} of 100")
  @CsvSource({
    "plain.trace.jsonl, 30", "plain.trace.jsonl, 61", "plain.trace.jsonl, 99",
    "packed.trace.jsonl.zst, 60", "packed.trace.jsonl.zst, 80", "packed.trace.jsonl.zst, 99"
  })
  void aFileThatWasCutOffKeepsEveryWholeRecordAndNamesTheFirstThatIsMissing(
      String name, int percent) throws IOException {
    Path file = folder.resolve(name);
    List<CanvasImage> canvases = longFixture().generate(file, true);
    byte[] bytes = Files.readAllBytes(file);
    Files.write(file, Arrays.copyOf(bytes, bytes.length * percent / 100));
    Trace trace = Trace.readWhole(file);
    TraceDamage damage = trace.damage().orElseThrow();
    assertThat(damage.kind()).isEqualTo(TraceDamage.Kind.ENDS_EARLY);
    assertThat(damage.record()).isEqualTo(trace.records().size() + 2);
    for (int step = 0; step <= trace.steps(); step++) {
      assertThat(trace.canvasBefore(step)).isEqualTo(canvases.get(step));
    }
  }

  @Test
  void whatIsOnDiskAfterAnyStepIsAValidBeginningWithThatStep() {
    for (String name : List.of("k.trace.jsonl", "k.trace.jsonl.zst")) {
      Path file = folder.resolve(name);
      Fixture fixture = longFixture();
      try (TraceWriter writer = TraceWriter.open(file, fixture.header(), Fixture::piece, true)) {
        Driver driver = new Driver(fixture.model());
        driver.submit(
            fixture.run(),
            snapshot -> {
              writer.snapshot(snapshot);
              Trace soFar = Trace.read(file);
              assertThat(soFar.steps()).isEqualTo(snapshot.step() + 1);
              assertThat(soFar.last()).isEqualTo(snapshot.canvas());
              assertThat(soFar.damage().orElseThrow().kind())
                  .isEqualTo(TraceDamage.Kind.ENDS_EARLY);
            });
        driver.run(() -> false);
      }
    }
  }

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void anAlteredByteIsFoundInItsOwnRecord(long seed) throws IOException {
    Path file = folder.resolve("a.trace.jsonl");
    longFixture().generate(file, false);
    byte[] bytes = Files.readAllBytes(file);
    Random random = new Random(seed);
    for (int round = 0; round < 60; round++) {
      byte[] altered = bytes.clone();
      int at = random.nextInt(bytes.length);
      do {
        altered[at] = (byte) (32 + random.nextInt(95));
      } while (altered[at] == bytes[at]);
      int record = 1 + (int) Arrays.stream(lineEnds(bytes)).filter(end -> end < at).count();
      Files.write(file, altered);
      if (record == 1) {
        assertThatThrownBy(() -> Trace.read(file))
            .isInstanceOf(TraceException.class)
            .hasMessageContaining("record 1:");
      } else {
        TraceDamage damage = Trace.read(file).damage().orElseThrow();
        assertThat(damage.record()).as("byte %d: %s", at, damage).isEqualTo(record);
      }
    }
  }

  @Test
  void aRecordThatWasLeftOutOrDoubledIsFound() throws IOException {
    Path file = folder.resolve("a.trace.jsonl");
    longFixture().generate(file, false);
    List<String> lines = Files.readAllLines(file);
    List<String> without = new ArrayList<>(lines);
    without.remove(3);
    Files.write(file, without);
    assertThat(Trace.read(file).damage().orElseThrow().record()).isEqualTo(4);
    List<String> doubled = new ArrayList<>(lines);
    doubled.add(5, lines.get(4));
    Files.write(file, doubled);
    assertThat(Trace.read(file).damage().orElseThrow().record()).isEqualTo(6);
    List<String> more = new ArrayList<>(lines);
    more.add("{}");
    Files.write(file, more);
    assertThat(Trace.read(file).damage().orElseThrow().problem()).contains("after the end");
  }

  @Test
  void anAlteredTraceIsRefusedWhereItIsUsedAndTheRecordIsNamed() throws IOException {
    Path file = folder.resolve("a.trace.jsonl");
    longFixture().generate(file, false);
    List<String> lines = Files.readAllLines(file);
    lines.set(6, lines.get(6).replace("\"nanos\":", "\"nanos\":1"));
    Files.write(file, lines);
    assertThatThrownBy(() -> Trace.readWhole(file))
        .isInstanceOf(TraceException.class)
        .hasMessageContaining("a.trace.jsonl")
        .hasMessageContaining("record 7");
  }

  @Test
  void damagedCompressionIsFound() throws IOException {
    Path file = folder.resolve("a.trace.jsonl.zst");
    for (long seed = 0; !Files.exists(file) || Files.size(file) < UNPACKED_AT_ONCE; seed++) {
      Fixture.of(seed).generate(file, true);
    }
    byte[] bytes = Files.readAllBytes(file);
    Arrays.fill(bytes, bytes.length - 300, bytes.length - 100, (byte) 0x5A);
    Files.write(file, bytes);
    assertThat(Trace.read(file).damage().orElseThrow().kind()).isEqualTo(TraceDamage.Kind.ALTERED);
  }

  @Test
  void whatIsNoTraceIsRefusedInOneSentence() throws IOException {
    Path file = Files.writeString(folder.resolve("no.txt"), "hello\n", StandardCharsets.UTF_8);
    assertThatThrownBy(() -> Trace.read(file)).hasMessageContaining("record 1");
    assertThatThrownBy(() -> Trace.read(folder.resolve("missing")))
        .hasMessageContaining("there is no such trace");
  }

  /** What is unpacked at once is lost at once. */
  private static final int UNPACKED_AT_ONCE = 8192;

  private static int[] lineEnds(byte[] bytes) {
    return IntStream.range(0, bytes.length).filter(at -> bytes[at] == '\n').toArray();
  }

  /** A request of many steps. */
  static Fixture longFixture() {
    return LongStream.range(0, 1000)
        .mapToObj(Fixture::of)
        .filter(Fixture::isLong)
        .findFirst()
        .orElseThrow();
  }
}
