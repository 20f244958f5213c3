package dev.palimpsest.tests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.palimpsest.api.ModelTraits;
import dev.palimpsest.engine.Compute;
import dev.palimpsest.engine.checkpoint.Checkpoint;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.engine.forward.Transformer;
import dev.palimpsest.engine.model.Families;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.sampler.likelihood.Chain;
import dev.palimpsest.sampler.likelihood.CoupledMasks;
import dev.palimpsest.sampler.likelihood.Estimator;
import dev.palimpsest.sampler.likelihood.Exact;
import dev.palimpsest.sampler.likelihood.ExactBound;
import dev.palimpsest.sampler.likelihood.LogLikelihood;
import dev.palimpsest.sampler.likelihood.Measurement;
import dev.palimpsest.sampler.likelihood.MonteCarloBound;
import dev.palimpsest.sampler.likelihood.Passage;
import dev.palimpsest.sampler.run.Driver;
import dev.palimpsest.sampler.run.Generator;
import dev.palimpsest.sampler.run.Scoring;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Likelihoods against those that published code gave in double precision. */
final class LikelihoodOracleTest {
  private static final Path ORACLE = Path.of("src", "test", "resources", "oracle");

  private static Stream<JsonNode> texts() throws IOException {
    JsonMapper mapper = new JsonMapper();
    return Files.readAllLines(ORACLE.resolveSibling("likelihood.jsonl")).stream()
        .map(mapper::readTree);
  }

  /** One of the oracle's models, which have no tokenizer. */
  private record Loaded(ModelSpec spec, Transformer transformer) implements AutoCloseable {
    static Loaded of(String folder) {
      try (Checkpoint checkpoint = Checkpoint.open(ORACLE.resolve(folder))) {
        ModelSpec spec = Families.spec(checkpoint.config(), _ -> {});
        Compute host = Compute.onHost(Precision.F32, 2);
        return new Loaded(
            spec, Transformer.load(checkpoint, spec, host.open(spec, _ -> {}), _ -> {}));
      }
    }

    Measurement measurement(Passage passage, Estimator estimator) {
      return new Generator(
              transformer,
              ModelTraits.limits(spec),
              ModelTraits.specials(spec, OptionalInt.empty()))
          .measurement(passage, estimator);
    }

    @Override
    public void close() {
      transformer.close();
    }
  }

  private static int[] ids(JsonNode list) {
    return list.values().stream().mapToInt(JsonNode::intValue).toArray();
  }

  /** As many forwards of the text at once as fit the tokens. */
  private static LogLikelihood measured(
      Loaded model, Passage passage, Estimator estimator, long tokens) {
    Measurement measurement = model.measurement(passage, estimator);
    List<Scoring> scorings = new ArrayList<>();
    Driver driver = new Driver(model.transformer(), tokens);
    measurement
        .forwards()
        .forEach(
            forward -> {
              Scoring scoring = new Scoring(List.of(forward));
              scorings.add(scoring);
              driver.submit(scoring);
            });
    driver.run(() -> false);
    return measurement.result(
        scorings.stream().map(scoring -> scoring.predictions().getFirst()).toList());
  }

  @ParameterizedTest
  @MethodSource("texts")
  void everyLikelihoodIsThatOfThePublishedCode(JsonNode text) {
    Passage passage = new Passage(ids(text.path("prompt_ids")), ids(text.path("completion_ids")));
    try (Loaded model = Loaded.of(text.path("model").stringValue())) {
      if (text.has("exact")) {
        requireClose(measured(model, passage, new Exact(), 512), text.path("exact"));
        assertThatThrownBy(() -> model.measurement(passage, new Chain()))
            .hasMessageContaining("use exact");
        return;
      }
      LogLikelihood chain = measured(model, passage, new Chain(), 512);
      requireClose(chain, text.path("chain"));
      LogLikelihood bound = measured(model, passage, new ExactBound(), 512);
      requireClose(bound, text.path("elbo"));
      assertThat(bound.fullMask()).isEqualTo(chain.fullMask());
      for (Estimator drawn : List.of(new MonteCarloBound(64, 3), new CoupledMasks(64, 3))) {
        LogLikelihood estimate = measured(model, passage, drawn, 512);
        assertThat(estimate.value())
            .isCloseTo(bound.value(), within(5 * estimate.standardError().orElseThrow()));
        assertThat(measured(model, passage, drawn, 1)).isEqualTo(estimate);
      }
      assertThatThrownBy(() -> model.measurement(passage, new Exact()))
          .hasMessageContaining("use chain");
    }
  }

  private static void requireClose(LogLikelihood found, JsonNode expected) {
    assertThat(found.value())
        .isCloseTo(expected.doubleValue(), within(1e-5 * Math.abs(expected.doubleValue())));
  }

  @Test
  void aModelWithBlocksFactorsOverThemWithAndWithoutItsCache() {
    try (Loaded model = Loaded.of("sdar")) {
      int block = 4;
      int[] prompt = {5, 17, 3, 8, 21, 9};
      int[] completion = {31, 7, 12, 40, 2, 19, 11};
      LogLikelihood whole = measured(model, new Passage(prompt, completion), new Exact(), 512);
      double sum = 0;
      int[] text = Stream.of(prompt, completion).flatMapToInt(Arrays::stream).toArray();
      for (int from = prompt.length; from < text.length; ) {
        int to = Math.min((from / block + 1) * block, text.length);
        int[] before = Arrays.copyOf(text, from);
        int[] part = Arrays.copyOfRange(text, from, to);
        sum += measured(model, new Passage(before, part), new Exact(), 1).value();
        from = to;
      }
      assertThat(whole.value()).isCloseTo(sum, within(1e-9));
      assertThat(whole.tokens()).hasSize(completion.length);
      assertThat(whole.fullMask()).hasSize(completion.length);
    }
  }
}
