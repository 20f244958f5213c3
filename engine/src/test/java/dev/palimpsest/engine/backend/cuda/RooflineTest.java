package dev.palimpsest.engine.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.palimpsest.engine.backend.cuda.StepCosts.Kind;
import dev.palimpsest.engine.backend.cuda.StepCosts.Operation;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.step.Draw;
import dev.palimpsest.step.Query;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * What the steps of published geometries consist of, and what they are predicted to take: nothing
 * is computed. {@code docs/benchmarks/roofline.md} is written anew with the system property {@code
 * palimpsest.roofline.write}.
 */
final class RooflineTest {
  private static final Path PAGE =
      Path.of(System.getProperty("palimpsest.home", ".."), "docs", "benchmarks", "roofline.md");

  /** The input goes to the device before the operations, and the results come back after them. */
  private static final int COPIES = 2;

  private static final Map<Geometry, Step> STEPS = new EnumMap<>(Geometry.class);

  /** A step: texts, the tokens of each that are in the KV cache, and those that are computed. */
  enum Geometry {
    LLADA_32("llada-8b", "LLaDA-8B, 1 x 32", 1, 0, 32),
    LLADA_256("llada-8b", "LLaDA-8B, 1 x 256", 1, 0, 256),
    LLADA_8_1024("llada-8b", "LLaDA-8B, 8 x 1024", 8, 0, 1024),
    LLADA2_1("llada2-mini", "LLaDA2.0-mini, a block of 32 after 1,024", 1, 1024, 32),
    LLADA2_16("llada2-mini", "LLaDA2.0-mini, 16 blocks of 32 after 1,024", 16, 1024, 32),
    SDAR_1("sdar-4b", "SDAR-4B, a block of 4 after 1,024", 1, 1024, 4),
    SDAR_128("sdar-4b", "SDAR-4B, 128 blocks of 4 after 1,024", 128, 1024, 4),
    QWEN3_1("qwen3-4b", "Qwen3-4B, a token after 4,096", 1, 4096, 1),
    QWEN3_64("qwen3-4b", "Qwen3-4B, 64 tokens after 4,096", 64, 4096, 1);

    private final String config;
    private final String title;
    private final int texts;
    private final int cached;
    private final int computed;

    Geometry(String config, String title, int texts, int cached, int computed) {
      this.config = config;
      this.title = title;
      this.texts = texts;
      this.cached = cached;
      this.computed = computed;
    }

    List<Query> queries(ModelSpec spec) {
      SplittableRandom random = new SplittableRandom(1);
      int length = cached + computed;
      int[] rows = IntStream.range(cached, length).toArray();
      List<Query> queries = new ArrayList<>();
      for (int text = 0; text < texts; text++) {
        int[] tokens = random.ints(length, 0, spec.vocabulary()).toArray();
        queries.add(new Query(tokens, 0, rows, cached, Draw.GREEDY, Optional.empty()));
      }
      return queries;
    }
  }

  private record Step(ModelSpec spec, List<Operation> operations) {
    int nodes() {
      return operations.size() + COPIES;
    }

    double sum(Predicate<Operation> of, ToDoubleFunction<Operation> what) {
      return operations.stream().filter(of).mapToDouble(what).sum();
    }

    double all(ToDoubleFunction<Operation> what) {
      return sum(_ -> true, what);
    }

    /** Bytes that products with weights do not move. */
    double otherBytes() {
      return sum(each -> each.kind() != Kind.PRODUCT, Operation::otherBytes);
    }

    double floor() {
      return sum(each -> each.kind() == Kind.PRODUCT, Operation::floor);
    }

    double floorWithAttention() {
      return sum(each -> each.kind() != Kind.OTHER, Operation::floor);
    }

    double predicted() {
      return all(Operation::seconds) + Card.GAP * nodes();
    }
  }

  @BeforeAll
  static void writeTheStepsDown(@TempDir Path folder) throws IOException {
    EmulatedDevice.require();
    Map<String, List<Geometry>> byConfig =
        Arrays.stream(Geometry.values())
            .collect(Collectors.groupingBy(each -> each.config, TreeMap::new, Collectors.toList()));
    EmulatedDevice.setMemory(UnloadedModel.MEMORY);
    EmulatedDevice.setIdle(true);
    try {
      for (Map.Entry<String, List<Geometry>> each : byConfig.entrySet()) {
        Path own = Files.createDirectory(folder.resolve(each.getKey()));
        try (UnloadedModel model = new UnloadedModel(each.getKey(), own)) {
          for (Geometry geometry : each.getValue()) {
            List<Operation> step = model.step(geometry.queries(model.spec()));
            STEPS.put(geometry, new Step(model.spec(), step));
          }
        }
      }
    } finally {
      EmulatedDevice.setIdle(false);
      EmulatedDevice.setMemory(0);
    }
    assertThat(EmulatedDevice.inUse()).isZero();
  }

  private static Step step(Geometry geometry) {
    return Objects.requireNonNull(STEPS.get(geometry));
  }

  @ParameterizedTest
  @EnumSource
  void aStepStaysWithinItsBudget(Geometry geometry) throws IOException {
    Step step = step(geometry);
    Budget budget = Budget.of(geometry.name());
    assertThat(step.nodes()).as("nodes").isLessThanOrEqualTo(budget.nodes());
    assertThat(step.otherBytes() / 1e6).as("other MB").isLessThanOrEqualTo(budget.otherMegabytes());
    assertThat(1e3 * step.predicted())
        .as("predicted ms")
        .isLessThanOrEqualTo(budget.predictedMillis());
  }

  /** Most that a step may have: the nodes of today, and the rest a hundredth above today. */
  private record Budget(int nodes, double otherMegabytes, double predictedMillis) {
    static Budget of(String geometry) throws IOException {
      Path file =
          Path.of(
              System.getProperty("palimpsest.home", ".."),
              "engine/src/test/resources/roofline-budgets.csv");
      for (String line : Files.readAllLines(file)) {
        String[] cells = line.split(",", -1);
        if (cells[0].equals(geometry)) {
          return new Budget(
              Integer.parseInt(cells[1]),
              Double.parseDouble(cells[2]),
              Double.parseDouble(cells[3]));
        }
      }
      throw new AssertionError(file + " has no line for " + geometry);
    }
  }

  /** 218.1 million weights a block, 32 blocks, and the head's 518 million, at 2 bytes. */
  @Test
  void theFloorOfLlada8bIsThatOfAHandComputation() {
    long ofBlock = 4L * 4096 * 4096 + 3L * 4096 * 12_288;
    long weights = 32 * ofBlock + 126_464L * 4096;
    assertThat(2 * weights).isEqualTo(14_994_636_800L);
    for (Geometry each : List.of(Geometry.LLADA_32, Geometry.LLADA_256)) {
      Step step = step(each);
      assertThat(step.all(Operation::weightBytes)).isEqualTo(2.0 * weights);
      assertThat(step.sum(product -> product.kind() == Kind.PRODUCT, Operation::flop))
          .isEqualTo(2.0 * weights * each.computed);
    }
    assertThat(1e3 * step(Geometry.LLADA_32).floor()).isCloseTo(5.0, within(0.1));
    assertThat(1e3 * step(Geometry.LLADA_256).floor()).isBetween(5.0, 5.5);
    // 8 x 1024 computes for as long as 8,192 tokens' FLOP take.
    assertThat(step(Geometry.LLADA_8_1024).floor())
        .isCloseTo(2.0 * weights * 8192 / 790e12, within(2e-3));
  }

  /**
   * Nine operations a block, thirteen in the last, whose queries are gathered; five around them.
   */
  @Test
  void theNodesOfLlada8bAreThoseOfAHandCount() {
    assertThat(step(Geometry.LLADA_256).operations()).hasSize(31 * 9 + 13 + 5);
  }

  /**
   * Keys and values of 36 layers, 8 heads of 128, in 2 bytes, for 4,097 tokens; beside the queries
   * of 32 heads, what 17 segments of 256 keys leave: 132 numbers of 4 bytes a head.
   */
  @ParameterizedTest
  @EnumSource(names = {"QWEN3_1", "QWEN3_64"})
  void aDecodingStepReadsEveryKeyAndValueOnce(Geometry geometry) {
    double keys = 36.0 * 2 * 8 * 128 * 2 * 4097 * geometry.texts;
    double queries = 36.0 * 32 * 128 * 2 * geometry.texts;
    double states = 36.0 * 32 * 132 * 4 * 17 * geometry.texts;
    assertThat(step(geometry).sum(each -> each.kind() == Kind.ATTENTION, Operation::otherBytes))
        .isEqualTo(keys + queries + states);
  }

  /** Every query of a full attention sees every key, and 4 FLOP a pair and element. */
  @Test
  void anAttentionComputesEveryPairOfAQueryAndAKey() {
    assertThat(
            step(Geometry.LLADA_8_1024).sum(each -> each.kind() == Kind.ATTENTION, Operation::flop))
        .isEqualTo(32.0 * 8 * 1024 * 1024 * 4 * 4096);
  }

  /** 19 layers of 256 experts, three matrices of 2048 x 512 each, of which 512 rows miss few. */
  @Test
  void aStepOverManyRowsReadsAlmostAllExperts() {
    double all = 19.0 * 256 * 3 * 2048 * 512 * 2;
    double read =
        step(Geometry.LLADA2_16)
            .sum(each -> each.name().startsWith("expert_linear"), Operation::weightBytes);
    assertThat(read / all).isBetween(0.999, 1.0);
    assertThat(step(Geometry.LLADA2_16).spec().parameters() / 1e9).isCloseTo(16.26, within(0.01));
  }

  @Test
  void thePageSaysWhatIsPredicted() throws IOException {
    String page = page();
    if (Boolean.getBoolean("palimpsest.roofline.write")) {
      Files.writeString(PAGE, page);
    }
    assertThat(Files.readString(PAGE)).isEqualTo(page);
  }

  private static String page() {
    StringBuilder page = new StringBuilder(RooflinePage.HEAD);
    for (Map.Entry<Geometry, Step> each : STEPS.entrySet()) {
      Step step = each.getValue();
      page.append(
          String.format(
              Locale.ROOT,
              "| %s | %d | %.0f | %.0f | %.0f | %.2f | %.2f | %.2f | %.0f %% | %.0f %% |\n",
              each.getKey().title,
              step.nodes(),
              step.all(Operation::weightBytes) / 1e6,
              step.otherBytes() / 1e6,
              step.all(Operation::flop) / 1e9,
              1e3 * step.floor(),
              1e3 * step.floorWithAttention(),
              1e3 * step.predicted(),
              100 * step.floor() / step.predicted(),
              100 * step.floorWithAttention() / step.predicted()));
    }
    for (Map.Entry<Geometry, Step> each : STEPS.entrySet()) {
      page.append("\n## ").append(each.getKey().title).append("\n\n").append(RooflinePage.COLUMNS);
      operations(each.getValue(), page);
    }
    return page.toString();
  }

  private static void operations(Step step, StringBuilder page) {
    Map<String, List<Operation>> byName = new LinkedHashMap<>();
    for (Operation each : step.operations()) {
      byName.computeIfAbsent(each.name(), _ -> new ArrayList<>()).add(each);
    }
    byName.forEach((name, those) -> page.append(line(name, new Step(step.spec(), those))));
    page.append(
        String.format(
            Locale.ROOT,
            "| between the nodes | %d | | | | | %.0f |\n",
            step.nodes(),
            1e6 * Card.GAP * step.nodes()));
  }

  private static String line(String name, Step those) {
    boolean floored = those.operations().getFirst().kind() != Kind.OTHER;
    return String.format(
        Locale.ROOT,
        "| %s | %d | %.1f | %.1f | %.1f | %s | %.0f |\n",
        name,
        those.operations().size(),
        those.all(Operation::weightBytes) / 1e6,
        those.all(Operation::otherBytes) / 1e6,
        those.all(Operation::flop) / 1e9,
        floored ? String.format(Locale.ROOT, "%.0f", 1e6 * those.all(Operation::floor)) : "",
        1e6 * those.all(Operation::seconds));
  }
}
