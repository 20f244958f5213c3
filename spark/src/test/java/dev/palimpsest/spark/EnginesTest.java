package dev.palimpsest.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.palimpsest.api.Completion;
import dev.palimpsest.api.LanguageModel;
import dev.palimpsest.api.Prompt;
import dev.palimpsest.engine.model.Blocks;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.management.ObjectName;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class EnginesTest {
  private static final Place HOST =
      new Place("demo", Place.PUBLISHED, Blocks.Seen.FROM_START, Place.HOST);
  private static final Pattern OTHER_MEMORY = Pattern.compile("Other \\(reserved=([0-9]+)");
  private static final Place OTHER =
      new Place("other", Place.PUBLISHED, Blocks.Seen.FROM_START, Place.HOST);

  private final List<Place> loaded = Collections.synchronizedList(new ArrayList<>());
  private final Engines engines =
      new Engines(
          place -> {
            loaded.add(place);
            return Demo.load();
          });

  @AfterEach
  void close() {
    engines.close();
  }

  private static Map<String, Object> seeded(long seed) {
    Map<String, Object> options = new LinkedHashMap<>(Demo.OPTIONS);
    options.put("seed", seed);
    return options;
  }

  private static Prompt prompt(long number) {
    return new Prompt.Text(Demo.prompt(number));
  }

  private static <T> T get(CompletableFuture<T> future) throws Exception {
    return future.get(100, TimeUnit.SECONDS);
  }

  @Test
  void tasksOfAnExecutorShareOneModelAndGetWhatTheyWouldGetAlone() throws Exception {
    List<CompletableFuture<Completion>> completions = new ArrayList<>();
    Engines.Lease one = engines.lease(HOST, 2);
    Engines.Lease two = engines.lease(HOST, 5);
    assertThat(one.engine()).isSameAs(two.engine());
    for (int number = 0; number < 12; number++) {
      Engines.Lease lease = number % 2 == 0 ? one : two;
      completions.add(lease.engine().submit(prompt(number), seeded(number)));
    }
    try (LanguageModel model = Demo.load()) {
      for (int number = 0; number < 12; number++) {
        Completion alone = Demo.alone(model, Demo.prompt(number), seeded(number));
        Completion together = get(completions.get(number));
        assertThat(together.columns(false)).isEqualTo(alone.columns(false));
      }
    }
    assertThat(loaded).containsExactly(HOST);
  }

  @Test
  void aModelStaysForTheNextTask() throws Exception {
    Engine first;
    try (Engines.Lease lease = engines.lease(HOST, 1)) {
      first = lease.engine();
      get(first.loaded());
    }
    try (Engines.Lease lease = engines.lease(HOST, 1)) {
      assertThat(lease.engine()).isSameAs(first);
    }
  }

  @Test
  void aModelThatNobodyUsesMakesRoomForAnotherOnItsDeviceAlone() throws Exception {
    Place gpu = new Place("demo", Place.PUBLISHED, Blocks.Seen.FROM_START, 0);
    engines.lease(gpu, 1).close();
    engines.lease(HOST, 1).close();
    try (Engines.Lease used = engines.lease(OTHER, 1)) {
      get(used.engine().loaded());
      assertThat(engines.size()).isEqualTo(2);
      engines.lease(HOST, 1).close();
      assertThat(engines.size()).isEqualTo(3);
      assertThat(used.engine().isOver()).isFalse();
    }
  }

  @Test
  void theMemoryOfAModelIsFreedWithItsEngine() throws Exception {
    long before = nativeBytes();
    Engines.Lease lease = engines.lease(HOST, 1);
    long weights = get(lease.engine().loaded()).model().transformer().weightBytes();
    get(lease.engine().submit(prompt(1), seeded(1)));
    assertThat(weights).isGreaterThan(1_000_000);
    assertThat(nativeBytes()).isGreaterThanOrEqualTo(before + weights);
    engines.close();
    assertThat(engines.size()).isZero();
    assertThat(nativeBytes()).isLessThan(before + weights / 2);
  }

  /** What native memory tracking counts beside the JVM's own. */
  private static long nativeBytes() throws Exception {
    String report =
        (String)
            ManagementFactory.getPlatformMBeanServer()
                .invoke(
                    new ObjectName("com.sun.management:type=DiagnosticCommand"),
                    "vmNativeMemory",
                    new Object[] {new String[] {"summary", "scale=b"}},
                    new String[] {String[].class.getName()});
    Matcher other = OTHER_MEMORY.matcher(report);
    assertThat(other.find()).as(report).isTrue();
    return Long.parseLong(other.group(1));
  }

  @Test
  void aPromptOrOptionThatIsWrongIsTheErrorOfItsRowAlone() throws Exception {
    Engine engine = engines.lease(HOST, 4).engine();
    CompletableFuture<Completion> wrong =
        engine.submit(prompt(1), Map.of("gen_length", 24, "block_length", 7, "seed", 5));
    CompletableFuture<Completion> foreign =
        engine.submit(new Prompt.Ids(new int[] {1 << 20}), seeded(2));
    CompletableFuture<Completion> right = engine.submit(prompt(3), seeded(3));
    assertThat(get(wrong).error()).startsWith("gen_length 24 is not a multiple of block_length 7");
    assertThat(get(wrong).seed()).isEqualTo(5);
    assertThat(get(foreign).error()).contains("1048576");
    assertThat(get(right).error()).isNull();
  }

  @Test
  void aTextThatNobodyWaitsForLeavesAndTheOthersGoOn() throws Exception {
    Engine engine = engines.lease(HOST, 2).engine();
    Map<String, Object> endless = Map.of("gen_length", 128, "block_length", 128, "steps", 128);
    CompletableFuture<Completion> one = engine.submit(prompt(1), endless);
    CompletableFuture<Completion> two = engine.submit(prompt(2), endless);
    CompletableFuture<Completion> waiting = engine.submit(prompt(3), seeded(3));
    one.cancel(false);
    assertThat(get(waiting).error()).isNull();
    two.cancel(false);
    assertThat(get(engine.submit(prompt(4), seeded(4))).error()).isNull();
  }

  @Test
  void aModelThatCannotBeLoadedFailsItsTaskAndTheNextTriesAgain() throws Exception {
    List<Place> asked = new ArrayList<>();
    Engines some =
        new Engines(
            place -> {
              asked.add(place);
              if (asked.size() == 1) {
                throw new IllegalStateException("the disk is gone");
              }
              return Demo.load();
            });
    Engine broken = some.lease(HOST, 1).engine();
    assertThatThrownBy(() -> get(broken.loaded()))
        .isInstanceOf(ExecutionException.class)
        .hasMessageContaining("the disk is gone");
    assertThatThrownBy(() -> get(broken.submit(prompt(1), seeded(1))))
        .hasMessageContaining("the model demo on the host stopped")
        .hasMessageContaining("the disk is gone");
    assertThat(get(some.lease(HOST, 1).engine().submit(prompt(1), seeded(1))).error()).isNull();
    some.close();
  }

  @Test
  void whatIsUnderWayWhenAnEngineIsClosedFails() {
    Engine engine = engines.lease(HOST, 1).engine();
    List<CompletableFuture<Completion>> completions = new ArrayList<>();
    for (int number = 0; number < 50; number++) {
      completions.add(
          engine.submit(
              prompt(number), Map.of("gen_length", 128, "block_length", 128, "steps", 128)));
    }
    engines.close();
    assertThatThrownBy(() -> get(completions.getLast()))
        .hasMessageContaining("the model demo on the host stopped: it was closed");
    assertThatThrownBy(() -> get(engine.submit(prompt(1), seeded(1))))
        .hasMessageContaining("the model demo on the host stopped: it was closed");
  }
}
