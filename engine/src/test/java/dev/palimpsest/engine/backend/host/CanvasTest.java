package dev.palimpsest.engine.backend.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.palimpsest.engine.checkpoint.Checkpoint;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.engine.forward.CanvasQuery;
import dev.palimpsest.engine.forward.Conditioning;
import dev.palimpsest.engine.forward.SoftAlternatives;
import dev.palimpsest.engine.forward.SoftSignal;
import dev.palimpsest.engine.forward.Transformer;
import dev.palimpsest.engine.model.Attention;
import dev.palimpsest.engine.model.BlockNorms;
import dev.palimpsest.engine.model.Canvas;
import dev.palimpsest.engine.model.Experts;
import dev.palimpsest.engine.model.FeedForward;
import dev.palimpsest.engine.model.Gate;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.engine.model.Reading;
import dev.palimpsest.engine.model.ResidualStream;
import dev.palimpsest.engine.model.Rotary;
import dev.palimpsest.engine.model.RotaryScaling;
import dev.palimpsest.step.Alternative;
import dev.palimpsest.step.Draw;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import dev.palimpsest.step.SamplingFilter;
import dev.palimpsest.step.SoftQuery;
import dev.palimpsest.step.SoftState;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Canvases behind causal tokens, and what one step of theirs tells the next. */
final class CanvasTest {
  private static final ModelSpec SPEC = TinyFamily.CANVAS.spec();
  private static final int LENGTH = SPEC.canvas().orElseThrow().length();
  private static final int PROMPT = 21;

  @TempDir Path folder;

  private Transformer load(ModelSpec spec) {
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      return Transformer.load(
          checkpoint, spec, new HostBackend(Precision.F32, 1), 1 << 20, _ -> {});
    }
  }

  private Transformer write(long seed) {
    TinyFamily.CANVAS.write(folder, seed);
    return load(SPEC);
  }

  private static int[] ids(SplittableRandom random, int count) {
    return random.ints(count, 0, SPEC.vocabulary()).toArray();
  }

  /** All of the canvas behind a prompt. */
  private static Query query(int[] tokens) {
    int start = tokens.length - LENGTH;
    int[] rows = IntStream.range(start, tokens.length).toArray();
    return new Query(tokens, 0, rows, start, Draw.GREEDY, Optional.empty());
  }

  private static Query query(SplittableRandom random, int prompt) {
    return query(ids(random, prompt + LENGTH));
  }

  private float[] logits(ModelSpec spec, Query query, Conditioning told) {
    try (Transformer model = load(spec)) {
      return model.logits(query, told);
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void whatACanvasIsToldDependsNeitherOnTheCacheNorOnTheBatch(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    try (Transformer model = write(seed);
        SoftSignal first = model.open();
        SoftSignal second = model.open()) {
      Query soft = query(random, PROMPT);
      Query other = query(random, 3);
      List<CanvasQuery> begun =
          List.of(
              new CanvasQuery(soft, new Conditioning.None(), written(first)),
              new CanvasQuery(other, new Conditioning.None(), written(second)));
      List<List<Prediction>> start = model.denoise(begun);
      assertThat(start).isEqualTo(model.predict(List.of(soft, other)));
      List<CanvasQuery> queries =
          List.of(
              new CanvasQuery(query(random, 9), new Conditioning.None()),
              new CanvasQuery(soft, new Conditioning.Soft(first)),
              new CanvasQuery(query(random, PROMPT), new Conditioning.Tokens(ids(random, LENGTH))),
              new CanvasQuery(other, new Conditioning.Soft(second)),
              new CanvasQuery(query(random, 0), new Conditioning.Tokens(ids(random, LENGTH))));
      List<List<Prediction>> together = model.denoise(queries);
      assertThat(model.denoise(queries)).as("again, cached").isEqualTo(together);
      assertThat(model.renoise(queries)).as("without the cache").isEqualTo(together);
      for (int i = 0; i < queries.size(); i++) {
        assertThat(model.denoise(List.of(queries.get(i))).getFirst()).isEqualTo(together.get(i));
      }
      assertThat(together.get(1)).isNotEqualTo(start.getFirst());
    }
  }

  private static Optional<CanvasQuery.Written> written(SoftSignal signal) {
    return Optional.of(new CanvasQuery.Written.Signal(signal, 0.7));
  }

  /** The logits of a step, at a temperature, weigh the embeddings that the next is told. */
  @ParameterizedTest
  @ValueSource(longs = {4, 5})
  void aSignalIsTheEmbeddingsWeighedByTheProbabilitiesOfTheStep(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    try (Transformer model = write(seed);
        SoftSignal signal = model.open();
        SoftSignal given = model.open()) {
      Query query = query(random, PROMPT);
      float[] logits = model.logits(query);
      float[] shares = new float[logits.length];
      int width = SPEC.vocabulary();
      for (int row = 0; row < LENGTH; row++) {
        double sum = 0;
        for (int id = 0; id < width; id++) {
          sum += Math.exp(logits[row * width + id] / 0.7);
        }
        for (int id = 0; id < width; id++) {
          shares[row * width + id] = (float) (Math.exp(logits[row * width + id] / 0.7) / sum);
        }
      }
      var _ =
          model.denoise(List.of(new CanvasQuery(query, new Conditioning.None(), written(signal))));
      model.write(given, shares);
      float[] found = model.logits(query, new Conditioning.Soft(signal));
      float[] expected = model.logits(query, new Conditioning.Soft(given));
      for (int i = 0; i < found.length; i++) {
        assertThat(found[i]).isCloseTo(expected[i], within(1e-3f));
      }
      float[] certain = new float[logits.length];
      int[] told = ids(random, LENGTH);
      for (int row = 0; row < LENGTH; row++) {
        certain[row * width + told[row]] = 1;
      }
      model.write(given, certain);
      assertThat(model.logits(query, new Conditioning.Soft(given)))
          .containsExactly(model.logits(query, new Conditioning.Tokens(told)));
    }
  }

  /** Draws whose probabilities are at a temperature, which is what a few ids are told by. */
  private static Query tempered(Query query) {
    Draw draw = new Draw(0.7, Optional.of(SamplingFilter.ALL), 3, 1, new int[0], new int[0]);
    return new Query(query.tokens(), 0, query.rows(), 0, draw, Optional.empty());
  }

  private static List<Prediction> step(Transformer model, Query query, SoftState to, boolean told) {
    return model
        .predictSoftly(List.of(new SoftQuery(query, Optional.of(new SoftQuery.Carried(to, told)))))
        .getFirst();
  }

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {11, 12})
  void oneIdOfWeightOneIsTheMostProbableOneBitForBit(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    try (Transformer model = write(seed);
        SoftState one = model.open(1)) {
      Query first = tempered(query(random, PROMPT));
      List<Prediction> begun = step(model, first, one, false);
      assertThat(begun).isEqualTo(model.predict(List.of(first)).getFirst());
      int[] argmax = begun.stream().mapToInt(Prediction::argmax).toArray();
      Query next = tempered(query(random, PROMPT));
      assertThat(step(model, next, one, true))
          .isEqualTo(model.predict(List.of(next.telling(argmax))).getFirst());
    }
  }

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {13, 14})
  void allIdsAreTheSoftSignalAndFewerAreNot(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    try (Transformer model = write(seed);
        SoftSignal soft = model.open();
        SoftAlternatives all = model.open(SPEC.vocabulary());
        SoftAlternatives few = model.open(3)) {
      Query query = tempered(query(random, PROMPT));
      for (SoftState each : List.of(soft, all, few)) {
        List<Prediction> predictions = step(model, query, each, false);
        assertThat(predictions).allMatch(one -> one.alternatives().isEmpty());
      }
      float[] expected = model.logits(query, new Conditioning.Soft(soft));
      float[] found = model.logits(query, new Conditioning.Alternatives(all));
      float[] other = model.logits(query, new Conditioning.Alternatives(few));
      double off = 0;
      for (int i = 0; i < found.length; i++) {
        assertThat(found[i]).isCloseTo(expected[i], within(1e-3f));
        off = Math.max(off, Math.abs(other[i] - expected[i]));
      }
      assertThat(off).isGreaterThan(1e-2);
    }
  }

  /** Three ids and their shares, put together by hand into a signal of the whole vocabulary. */
  @Test
  void aFewIdsAreWeighedByTheirProbabilitiesDividedByTheirSum() {
    SplittableRandom random = new SplittableRandom(15);
    try (Transformer model = write(15);
        SoftAlternatives few = model.open(3);
        SoftSignal given = model.open()) {
      Query query = tempered(query(random, PROMPT));
      List<Prediction> named = step(model, query.naming(5), few, false);
      float[] shares = new float[LENGTH * SPEC.vocabulary()];
      for (int row = 0; row < LENGTH; row++) {
        List<Alternative> three = named.get(row).alternatives().subList(0, 3);
        double sum = three.stream().mapToDouble(Alternative::probability).sum();
        for (Alternative each : three) {
          shares[row * SPEC.vocabulary() + each.token()] = (float) (each.probability() / sum);
        }
      }
      assertThat(named).allMatch(each -> each.alternatives().size() == 5);
      model.write(given, shares);
      float[] found = model.logits(query, new Conditioning.Alternatives(few));
      float[] expected = model.logits(query, new Conditioning.Soft(given));
      for (int i = 0; i < found.length; i++) {
        assertThat(found[i]).isCloseTo(expected[i], within(1e-4f));
      }
    }
  }

  @Test
  void canvasesThatAreToldInAllWaysAreToldTheSameAlone() {
    SplittableRandom random = new SplittableRandom(16);
    try (Transformer model = write(16);
        SoftSignal soft = model.open();
        SoftAlternatives few = model.open(3);
        SoftAlternatives more = model.open(7)) {
      for (SoftState each : List.of(soft, few, more)) {
        var _ = step(model, tempered(query(random, PROMPT)), each, false);
      }
      List<CanvasQuery> queries =
          List.of(
              new CanvasQuery(query(random, 2), new Conditioning.Soft(soft)),
              new CanvasQuery(query(random, 0), new Conditioning.Alternatives(more)),
              new CanvasQuery(query(random, 5), new Conditioning.None()),
              new CanvasQuery(query(random, 0), new Conditioning.Tokens(ids(random, LENGTH))),
              new CanvasQuery(query(random, 9), new Conditioning.Alternatives(few)));
      List<List<Prediction>> together = model.denoise(queries);
      for (int i = 0; i < queries.size(); i++) {
        assertThat(model.renoise(List.of(queries.get(i))).getFirst()).isEqualTo(together.get(i));
      }
    }
  }

  @Test
  void aSignalThatIsWrittenWhileItIsReadIsReadFirst() {
    SplittableRandom random = new SplittableRandom(6);
    try (Transformer model = write(6);
        SoftSignal signal = model.open();
        SoftSignal kept = model.open()) {
      Query query = query(random, PROMPT);
      for (SoftSignal each : List.of(signal, kept)) {
        var _ =
            model.denoise(List.of(new CanvasQuery(query, new Conditioning.None(), written(each))));
      }
      List<List<Prediction>> expected =
          model.denoise(List.of(new CanvasQuery(query, new Conditioning.Soft(kept))));
      CanvasQuery both = new CanvasQuery(query, new Conditioning.Soft(signal), written(signal));
      assertThat(model.denoise(List.of(both))).isEqualTo(expected);
      assertThat(model.denoise(List.of(both))).isNotEqualTo(expected);
    }
  }

  @Test
  void whatIsNotOfTheCanvasIsRefusedInWords() {
    SplittableRandom random = new SplittableRandom(7);
    try (Transformer model = write(7)) {
      SoftSignal signal = model.open();
      Query query = query(random, PROMPT);
      Query one = new Query(query.tokens(), 0, new int[] {25}, 0, Draw.GREEDY, Optional.empty());
      assertThatThrownBy(() -> model.logits(query, new Conditioning.Tokens(new int[3])))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("a canvas of 12 positions is told 3 ids: give one for each");
      assertThatThrownBy(() -> model.logits(query, new Conditioning.Soft(signal)))
          .hasMessage("a canvas is told a soft signal that no step has written");
      CanvasQuery part = new CanvasQuery(one, new Conditioning.None(), written(signal));
      assertThatThrownBy(() -> model.denoise(List.of(part)))
          .hasMessage(
              "a step over 33 tokens asks for 1 rows and is to write down what the next is told: it"
                  + " has to ask for the 12 of the canvas");
      Query.Guidance guidance = new Query.Guidance(query.tokens(), 1.5);
      Query guided =
          new Query(query.tokens(), 0, query.rows(), 0, Draw.GREEDY, Optional.of(guidance));
      assertThatThrownBy(
              () ->
                  model.denoise(
                      List.of(new CanvasQuery(guided, new Conditioning.Tokens(wrong(0))))))
          .hasMessageStartingWith("a canvas is guided and told something of the step before");
      int[] wrong = wrong(SPEC.vocabulary());
      assertThatThrownBy(() -> model.logits(query, new Conditioning.Tokens(wrong)))
          .hasMessage("token id 90 is outside the vocabulary of 90");
      SoftAlternatives few = model.open(2);
      assertThatThrownBy(() -> model.logits(query, new Conditioning.Alternatives(few)))
          .hasMessage("a canvas is told a soft signal that no step has written");
      assertThatThrownBy(() -> step(model, one, few, false))
          .hasMessageStartingWith("a step over 33 tokens asks for 1 rows");
      signal.close();
      assertThatThrownBy(() -> model.logits(query, new Conditioning.Soft(signal)))
          .hasMessage("a soft signal is used after it was closed");
    }
    TinyFamily.CAUSAL.write(folder, 1);
    try (Transformer causal = load(TinyFamily.CAUSAL.spec())) {
      assertThatThrownBy(() -> causal.open(2))
          .hasMessageStartingWith("a qwen2 model has no canvas");
      assertThatThrownBy(causal::open)
          .hasMessage(
              "a qwen2 model has no canvas: nothing but tokens goes from one of its steps to the"
                  + " next");
    }
  }

  private static int[] wrong(int id) {
    int[] ids = new int[LENGTH];
    ids[4] = id;
    return ids;
  }

  private static ModelSpec with(
      List<Attention> attentions,
      FeedForward feedForward,
      Reading reading,
      ResidualStream stream,
      Canvas canvas) {
    return new ModelSpec(
        SPEC.family(),
        SPEC.layers(),
        SPEC.hidden(),
        SPEC.normEpsilon(),
        attentions,
        feedForward,
        SPEC.vocabulary(),
        SPEC.tiedHead(),
        SPEC.maxLength(),
        reading,
        stream,
        Optional.of(canvas));
  }

  private static ModelSpec withAttention(UnaryOperator<Attention> change) {
    return with(
        SPEC.attentions().stream().map(change).toList(),
        SPEC.feedForward(),
        SPEC.reading(),
        SPEC.stream(),
        SPEC.canvas().orElseThrow());
  }

  private static ModelSpec withFeedForward(FeedForward feedForward) {
    return with(
        SPEC.attentions(), feedForward, SPEC.reading(), SPEC.stream(), SPEC.canvas().orElseThrow());
  }

  private static Attention attention(
      Attention of, Rotary rotary, int window, Attention.Values values, double scale) {
    return new Attention(
        of.heads(),
        of.keyValueHeads(),
        of.headSize(),
        of.projectionBias(),
        of.headNorm(),
        rotary,
        of.pattern(),
        window,
        values,
        scale);
  }

  /** Specs of the same weights. */
  static Stream<Arguments> changes() {
    Experts experts = SPEC.feedForward().experts().orElseThrow();
    int width = SPEC.feedForward().width();
    Canvas canvas = SPEC.canvas().orElseThrow();
    return Stream.of(
        Arguments.of(
            "the window",
            withAttention(
                each -> attention(each, each.rotary(), 5, each.values(), each.scoreScale()))),
        Arguments.of(
            "the norm of values",
            withAttention(
                each ->
                    each.values() == Attention.Values.NORMED
                        ? attention(
                            each,
                            each.rotary(),
                            each.window(),
                            Attention.Values.PROJECTED,
                            each.scoreScale())
                        : each)),
        Arguments.of(
            "the scale of scores",
            withAttention(
                each -> attention(each, each.rotary(), each.window(), each.values(), 0.5))),
        Arguments.of(
            "the part of a head that turns",
            withAttention(
                each ->
                    attention(
                        each,
                        new Rotary(
                            each.rotary().theta(),
                            each.headSize(),
                            new RotaryScaling.Proportional(0.5)),
                        each.window(),
                        each.values(),
                        each.scoreScale()))),
        Arguments.of(
            "the gate of the dense feed-forward",
            withFeedForward(new FeedForward(width, Gate.SILU, Optional.of(experts)))),
        Arguments.of(
            "the gate of experts",
            withFeedForward(
                new FeedForward(width, Gate.TANH_GELU, Optional.of(experts.withGate(Gate.SILU))))),
        Arguments.of(
            "the cap of logits",
            with(
                SPEC.attentions(),
                SPEC.feedForward(),
                SPEC.reading().capped(2),
                SPEC.stream(),
                canvas)),
        Arguments.of(
            "the scale of embeddings",
            with(
                SPEC.attentions(),
                SPEC.feedForward(),
                SPEC.reading(),
                new ResidualStream(1, BlockNorms.BEFORE_AND_AFTER, true),
                canvas)),
        Arguments.of(
            "the length of a canvas",
            with(
                SPEC.attentions(),
                SPEC.feedForward(),
                SPEC.reading(),
                SPEC.stream(),
                new Canvas(LENGTH + 1, canvas.selfConditioningWidth()))));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("changes")
  void whatASpecSaysChangesLogits(String what, ModelSpec changed) {
    TinyFamily.CANVAS.write(folder, 8);
    Query query = query(new SplittableRandom(8), PROMPT);
    float[] before = logits(SPEC, query, new Conditioning.None());
    float[] after = logits(changed, query, new Conditioning.None());
    assertThat(after).as(what).hasSameSizeAs(before).isNotEqualTo(before);
  }

  /** Norms, scalars, scales, both of every layer: each of them alone. */
  @Test
  void everyTensorOfACheckpointChangesLogits() throws IOException {
    TinyFamily.CANVAS.write(folder, 9);
    SplittableRandom random = new SplittableRandom(9);
    Query query = query(random, PROMPT);
    Conditioning told = new Conditioning.Tokens(ids(random, LENGTH));
    float[] before = logits(SPEC, query, told);
    Path file = folder.resolve("model.safetensors");
    byte[] content = Files.readAllBytes(file);
    int start = 8 + (int) ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN).getLong();
    List<String> unread = new ArrayList<>();
    List<String> names;
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      names = List.copyOf(checkpoint.names());
    }
    String header = new String(content, 8, start - 8, StandardCharsets.UTF_8);
    for (String name : names) {
      // An expert that no token chooses changes nothing, so all of a layer's change at once.
      if (name.matches(".*experts\\.[1-9].*")) {
        continue;
      }
      byte[] changed = content.clone();
      for (String each : names) {
        if (each.replaceAll("experts\\.\\d+", "experts.0").equals(name)) {
          scale(changed, header, start, each);
        }
      }
      Files.write(file, changed);
      if (Arrays.equals(logits(SPEC, query, told), before)) {
        unread.add(name);
      }
    }
    // What precedes the canvas is of no use behind the keys and values of the last layer.
    assertThat(unread)
        .containsExactly(
            "model.encoder.language_model.layers.%d.layer_scalar".formatted(SPEC.layers() - 1));
  }

  /** Makes a tensor another, and not a multiple of itself. */
  private static void scale(byte[] content, String header, int start, String name) {
    String offsets =
        header.replaceAll(
            ".*\"" + name.replace(".", "\\.") + "\":[^}]*\"data_offsets\":\\[(\\d+,\\d+)].*", "$1");
    int from = start + Integer.parseInt(offsets.split(",", -1)[0]);
    int end = start + Integer.parseInt(offsets.split(",", -1)[1]);
    ByteBuffer data = ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN);
    for (int at = from, i = 0; at < end; at += Float.BYTES, i++) {
      data.putFloat(at, data.getFloat(at) * (1.3f + i % 3 * 0.4f));
    }
  }
}
