package dev.palimpsest.tests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.api.OpaqueDepth;
import dev.palimpsest.api.SamplerDefaults;
import dev.palimpsest.api.SerialDepth;
import dev.palimpsest.engine.checkpoint.JsonFile;
import dev.palimpsest.engine.model.Attention;
import dev.palimpsest.engine.model.Experts;
import dev.palimpsest.engine.model.Families;
import dev.palimpsest.engine.model.FeedForward;
import dev.palimpsest.engine.model.GenerationConfig;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.engine.model.Reading;
import dev.palimpsest.engine.model.Rotary;
import dev.palimpsest.engine.model.RotaryScaling;
import dev.palimpsest.engine.model.Router;
import dev.palimpsest.engine.model.TokenIds;
import dev.palimpsest.sampler.method.SamplingOptions;
import dev.palimpsest.step.AttentionPattern;
import dev.palimpsest.tests.LongestChain.Cache;
import dev.palimpsest.tests.LongestChain.Forward;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Depths by rules, against generations written out number by number. */
final class OpaqueDepthTest {
  private static final Path CONFIGS =
      Path.of("..", "engine", "src", "test", "resources", "configs");
  private static final Path PAGE = Path.of("..", "docs", "measures.md");

  private static final AttentionPattern FULL = new AttentionPattern.Full();
  private static final AttentionPattern CAUSAL = new AttentionPattern.Causal();

  /** Small models, one for every part that a model may have or lack. */
  record Shape(String name, int layers, Attention attention, FeedForward feedForward) {
    Shape(String name, int layers, Attention attention, int width) {
      this(name, layers, attention, FeedForward.dense(width));
    }

    ModelSpec spec(AttentionPattern pattern) {
      Attention patterned =
          new Attention(
              attention.heads(),
              attention.keyValueHeads(),
              attention.headSize(),
              attention.projectionBias(),
              attention.headNorm(),
              attention.rotary(),
              pattern);
      return OpaqueDepthTest.spec(layers, 12, patterned, feedForward, 13);
    }

    @Override
    public String toString() {
      return name;
    }
  }

  private static Stream<Shape> shapes() {
    Router biased = new Router.GroupedSigmoid(4, 2, true, 2.5);
    Router unbiased = new Router.GroupedSigmoid(1, 1, false, 1);
    return Stream.of(
        new Shape("one layer, one head", 1, attention(1, 1, 4, false, false, 4), 9),
        new Shape("heads that share keys", 2, attention(4, 2, 6, false, false, 6), 20),
        new Shape("biases", 2, attention(3, 3, 4, true, false, 4), 8),
        new Shape("normed heads, half rotated", 3, attention(3, 1, 8, false, true, 4), 40),
        new Shape("biases and normed heads", 2, attention(2, 2, 2, true, true, 2), 7),
        new Shape("experts", 2, plain(), experts(new Experts(6, 2, 5, softmax(false)))),
        new Shape("experts, normalized", 2, plain(), experts(new Experts(7, 3, 5, softmax(true)))),
        new Shape("one expert of one", 1, plain(), experts(new Experts(1, 1, 5, softmax(true)))),
        new Shape(
            "groups of experts beside a shared one, and a dense layer",
            3,
            plain(),
            experts(new Experts(16, 4, 5, biased).withShared(6).fromLayer(1))),
        new Shape(
            "a shared expert wider than any chosen one is deep",
            2,
            plain(),
            experts(new Experts(2, 1, 1, unbiased).withShared(5000))));
  }

  private static Attention attention(
      int heads, int keyHeads, int size, boolean bias, boolean norm, int rotated) {
    Rotary rotary = new Rotary(10_000, rotated, new RotaryScaling.None());
    return new Attention(heads, keyHeads, size, bias, norm, rotary, FULL);
  }

  private static Attention plain() {
    return attention(3, 3, 4, false, false, 4);
  }

  private static Router softmax(boolean normalized) {
    return new Router.Softmax(normalized);
  }

  private static FeedForward experts(Experts experts) {
    return new FeedForward(11, Optional.of(experts));
  }

  private static ModelSpec spec(
      int layers, int hidden, Attention attention, FeedForward feedForward, int vocabulary) {
    TokenIds ids = new TokenIds(OptionalInt.of(1), List.of(2), OptionalInt.empty());
    return new ModelSpec(
        "tiny",
        layers,
        hidden,
        1e-6,
        attention,
        feedForward,
        vocabulary,
        false,
        4096,
        new Reading(ids));
  }

  private static OpaqueDepth depth(ModelSpec spec, int prompt, Map<String, ?> options) {
    SamplingOptions complete =
        SamplerDefaults.complete(options, spec, GenerationConfig.NONE, prompt);
    return OpaqueDepth.of(spec, complete, prompt);
  }

  private static long deepest(long[] chains) {
    return Arrays.stream(chains).max().orElseThrow();
  }

  private static long deepest(long[][] chains) {
    return Arrays.stream(chains).mapToLong(OpaqueDepthTest::deepest).max().orElseThrow();
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("shapes")
  void aForwardIsAsDeepAsItsLongestChain(Shape shape) {
    for (int length : new int[] {1, 2, 5, 16, 17}) {
      ModelSpec spec = shape.spec(FULL);
      LongestChain chains = new LongestChain(spec);
      Forward forward = chains.forward(chains.tokens(length), chains.empty());
      assertThat(depth(spec, length - 1, Map.of("gen_length", 1, "steps", 1)).forward())
          .as("of %d tokens", length)
          .isEqualTo(deepest(forward.logits()));
    }
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("shapes")
  void aGenerationThatPassesTokensAloneIsAsDeepAsAStep(Shape shape) {
    ModelSpec spec = shape.spec(FULL);
    LongestChain chains = new LongestChain(spec);
    int prompt = 3;
    int positions = 6;
    Forward forward = chains.forward(chains.tokens(prompt + positions), chains.empty());
    long[] guided = new long[spec.vocabulary()];
    Arrays.fill(guided, deepest(forward.logits()) + 3);
    long longest = LongestChain.chosen(positions, chains.predicted(guided));
    for (int steps : new int[] {1, 3, 6}) {
      OpaqueDepth depth = depth(spec, prompt, Map.of("gen_length", positions, "steps", steps));
      assertThat(depth.strict()).as("%d steps", steps).isEqualTo(longest);
    }
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("shapes")
  void cachedKeysAndValuesOfAnAutoregressiveTextAddNothing(Shape shape) {
    ModelSpec spec = shape.spec(CAUSAL);
    LongestChain chains = new LongestChain(spec);
    int prompt = 3;
    int positions = 9;
    Forward forward = chains.forward(chains.tokens(prompt), chains.empty());
    long longest = chains.drawn(forward.logits()[prompt - 1]);
    for (int token = 0; token < positions; token++) {
      forward = chains.forward(chains.tokens(1), forward.cache());
      longest = Math.max(longest, chains.drawn(forward.logits()[0]));
    }
    OpaqueDepth depth = depth(spec, prompt, Map.of("gen_length", positions));
    assertThat(depth.cached()).isEqualTo(longest);
    assertThat(depth.strict()).isEqualTo(longest);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("shapes")
  void cachedKeysAndValuesOfFinishedBlocksAddNothing(Shape shape) {
    int block = 4;
    ModelSpec spec = shape.spec(new AttentionPattern.BlockCausal(block));
    LongestChain chains = new LongestChain(spec);
    Cache cache = chains.empty();
    long longest = 0;
    for (int written = 0; written < 5; written++) {
      Forward forward = chains.forward(chains.tokens(block), cache);
      longest = Math.max(longest, deepest(forward.logits()));
      cache = forward.cache();
    }
    OpaqueDepth depth = depth(spec, block, Map.of("gen_length", 4 * block));
    assertThat(depth.length()).isEqualTo(5 * block);
    assertThat(depth.forward()).isEqualTo(longest);
    assertThat(depth.cached()).isEqualTo(depth.strict());
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("shapes")
  void softEmbeddingsMakeOneChainOfAllSteps(Shape shape) {
    ModelSpec spec = shape.spec(FULL);
    LongestChain chains = new LongestChain(spec);
    int prompt = 3;
    int positions = 6;
    int steps = 3;
    long[][] embeddings = chains.tokens(prompt + positions);
    long[] guided = new long[spec.vocabulary()];
    for (int step = 0; step < steps; step++) {
      long[][] logits = chains.forward(embeddings, chains.empty()).logits();
      Arrays.fill(guided, deepest(logits) + 3);
      for (int position = prompt; position < embeddings.length; position++) {
        embeddings[position] = chains.expected(guided);
      }
    }
    long longest = LongestChain.chosen(positions, chains.predicted(guided));
    assertThat(depth(spec, prompt, Map.of("gen_length", positions, "steps", steps)).soft())
        .isEqualTo(longest);
  }

  /** Canvases of three, one and two steps, each number of a step behind those of the one before. */
  @ParameterizedTest(name = "{0}, {1} ids")
  @MethodSource("shapesAndAlternatives")
  void aGenerationIsAsDeepAsTheStepsThatItTook(Shape shape, int alternatives) {
    ModelSpec spec = shape.spec(FULL);
    LongestChain chains = new LongestChain(spec);
    int prompt = 3;
    int positions = 6;
    int length = prompt + positions;
    List<Integer> steps = List.of(3, 1, 2);
    long opaque = 0;
    long written = 0;
    for (int canvas : steps) {
      long[][] since = chains.tokens(length);
      long[][] all = behind(chains.tokens(length), written);
      for (int step = 0; step < canvas; step++) {
        long[] own = guided(chains.forward(since, chains.empty()).logits());
        long[] ever = guided(chains.forward(all, chains.empty()).logits());
        opaque = Math.max(opaque, LongestChain.chosen(positions, chains.predicted(own)));
        written = LongestChain.chosen(positions, chains.predicted(ever));
        since = chains.tokens(length);
        all = behind(chains.tokens(length), written);
        for (int position = prompt; alternatives > 0 && position < length; position++) {
          since[position] = told(chains, own, alternatives);
          all[position] = later(all[position], told(chains, ever, alternatives));
        }
      }
    }
    SerialDepth found =
        SerialDepth.of(spec, handingOn(spec, positions, alternatives), prompt, steps);
    assertThat(found).isEqualTo(new SerialDepth(opaque, written));
  }

  private static final int EVERY_ID = 99;

  private static Stream<Arguments> shapesAndAlternatives() {
    return shapes()
        .flatMap(shape -> Stream.of(0, 1, 5, EVERY_ID).map(few -> Arguments.of(shape, few)));
  }

  private static long[] told(LongestChain chains, long[] logits, int alternatives) {
    return alternatives == EVERY_ID
        ? chains.expected(logits)
        : chains.expectedOfFew(logits, alternatives);
  }

  private static SamplingOptions handingOn(ModelSpec spec, int positions, int alternatives) {
    Map<String, Object> values = new HashMap<>();
    values.put("gen_length", positions);
    values.put("canvas_length", positions);
    values.put("vocabulary", spec.vocabulary());
    values.put(
        "self_conditioning",
        alternatives == 0 ? "off" : alternatives == EVERY_ID ? "soft" : "top_k");
    if (alternatives > 0 && alternatives < EVERY_ID) {
      values.put("self_conditioning_k", alternatives);
    }
    return SamplingOptions.of("entropy_bound", values);
  }

  private static long[] guided(long[][] logits) {
    long[] guided = new long[logits[0].length];
    Arrays.fill(guided, deepest(logits) + 3);
    return guided;
  }

  private static long[][] behind(long[][] tokens, long written) {
    for (long[] row : tokens) {
      Arrays.fill(row, written);
    }
    return tokens;
  }

  private static long[] later(long[] some, long[] other) {
    long[] both = new long[some.length];
    Arrays.setAll(both, i -> Math.max(some[i], other[i]));
    return both;
  }

  @Test
  void aModelOfOneLayerHasTheDepthThatWasWorkedOutOnPaper() {
    // Norms of 12: 10 each. Products of 12: 5. Attention over 6 tokens with a head of 4: query 5 +
    // 2
    // + 1, score 3, softmax 9, values 4, output of 4: 3, residual 1. SwiGLU of 9: 5 + 2 + 1 + 5.
    Shape shape = shapes().findFirst().orElseThrow();
    OpaqueDepth depth = depth(shape.spec(FULL), 2, Map.of("gen_length", 4, "steps", 4));
    long attention = 10 + (5 + 2 + 1) + 3 + (3 + 1 + 1 + 3 + 1) + (1 + 3) + 3 + 1;
    long feedForward = 10 + 5 + 2 + 1 + 5 + 1;
    assertThat(depth.forward()).isEqualTo(attention + feedForward + 10 + 5);
  }

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void moreOfAnythingIsNeverLess(long seed) {
    Random random = new Random(seed);
    int[] sizes = random.ints(6, 1, 40).toArray();
    OpaqueDepth before = grown(sizes);
    for (int which = 0; which < sizes.length; which++) {
      int[] larger = sizes.clone();
      larger[which] += 1 + random.nextInt(40);
      OpaqueDepth after = grown(larger);
      assertThat(after.forward()).as("size %d", which).isGreaterThanOrEqualTo(before.forward());
      assertThat(after.strict()).as("size %d", which).isGreaterThanOrEqualTo(before.strict());
      assertThat(after.soft()).as("size %d", which).isGreaterThanOrEqualTo(before.soft());
    }
    int[] deeper = sizes.clone();
    deeper[0]++;
    assertThat(grown(deeper).forward()).isGreaterThan(before.forward());
  }

  /** Of layers, hidden width, head pairs, inner width, vocabulary and positions. */
  private static OpaqueDepth grown(int[] sizes) {
    Attention attention = attention(1, 1, 2 * sizes[2], true, true, 2 * sizes[2]);
    ModelSpec spec = spec(sizes[0], sizes[1], attention, FeedForward.dense(sizes[3]), sizes[4]);
    return depth(spec, 1, Map.of("gen_length", sizes[5], "steps", sizes[5], "block_length", 1));
  }

  @ParameterizedTest(name = "{0} {1}: {2} steps")
  @CsvSource(
      delimiter = '|',
      value = {
        "full | sampler=llada,gen_length=32,steps=8,block_length=8 | 8",
        "full | sampler=llada,gen_length=32,threshold=0.9 | 32",
        "full | sampler=llada,gen_length=32,low_threshold=0.4 | 32",
        "full | sampler=dream,gen_length=32,steps=5 | 5",
        "full | sampler=remdm,gen_length=32,steps=70 | 70",
        "full | sampler=p2,gen_length=32,steps=9 | 9",
        "full | sampler=block,gen_length=30,steps=3,block_length=8,whole_canvas=true | 15",
        "blocks | gen_length=30,steps=3 | 3",
        "blocks | gen_length=30,steps=3,remasking=entropy_bounded | 8",
        "blocks | gen_length=30,steps=3,low_threshold=0.4 | 8",
        "blocks | gen_length=30,steps=3,editing_threshold=0.9,max_post_steps=5 | 8",
        "shifted | gen_length=30 | 8",
        "causal | gen_length=30 | 30",
      })
  void aChainOfStepsEndsWhereTokensAloneGoOn(String pattern, String options, long steps) {
    AttentionPattern seen =
        switch (pattern) {
          case "full" -> FULL;
          case "causal" -> CAUSAL;
          default -> new AttentionPattern.BlockCausal(8);
        };
    ModelSpec spec = shapes().findFirst().orElseThrow().spec(seen);
    if (pattern.equals("shifted")) {
      Reading shifted = spec.reading().shiftedByOne();
      spec =
          new ModelSpec(
              "tiny", 1, 12, 1e-6, spec.attention(), spec.feedForward(), 13, false, 4096, shifted);
    }
    Map<String, Object> given = new HashMap<>();
    for (String option : options.split(",", -1)) {
      String[] parts = option.split("=", 2);
      given.put(parts[0], SamplingOptions.value(parts[1]));
    }
    assertThat(depth(spec, 5, given).steps()).isEqualTo(steps);
  }

  @Test
  void thePagesTableIsWhatIsComputed() throws IOException {
    List<String> rows = new ArrayList<>();
    rows.add(row("the bundled abacus-mdm", Path.of("..", "models", "abacus-mdm"), 64));
    rows.add(row("the bundled abacus-ar", Path.of("..", "models", "abacus-ar"), 64));
    rows.add(row("LLaDA-8B", CONFIGS.resolve("llada-8b.json"), 128));
    rows.add(row("Dream-7B", CONFIGS.resolve("dream-7b.json"), 128));
    rows.add(row("SDAR-4B", CONFIGS.resolve("sdar-4b.json"), 128));
    rows.add(row("LLaDA-MoE-7B-A1B", CONFIGS.resolve("llada-moe-7b-a1b.json"), 128));
    rows.add(row("LLaDA2.0-mini", CONFIGS.resolve("llada2-mini.json"), 128));
    rows.add(row("Fast-dLLM v2 7B", CONFIGS.resolve("fast-dllm-v2-7b.json"), 128));
    rows.add(row("Qwen2.5-7B, autoregressive", CONFIGS.resolve("qwen2.5-7b.json"), 128));
    assertThat(Files.readAllLines(PAGE)).containsSubsequence(rows);
  }

  private static String row(String name, Path at, int prompt) {
    boolean isFolder = Files.isDirectory(at);
    ModelSpec spec = Families.spec(JsonFile.readObject(isFolder ? at.resolve("config.json") : at));
    GenerationConfig recommended =
        isFolder ? GenerationConfig.read(at, spec, _ -> {}) : GenerationConfig.NONE;
    OpaqueDepth depth =
        OpaqueDepth.of(spec, SamplerDefaults.complete(Map.of(), spec, recommended, prompt), prompt);
    return String.format(
        Locale.ROOT,
        "| %s | %d | %,d | %,d | %d | %,d |",
        name,
        depth.length(),
        depth.forward(),
        depth.strict(),
        depth.steps(),
        depth.soft());
  }
}
