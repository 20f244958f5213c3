package dev.palimpsest.engine.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.palimpsest.step.AttentionPattern;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** Published configurations, as specs; what the engine lacks is refused by its key. */
final class FamiliesTest {
  private static final JsonMapper MAPPER = JsonMapper.shared();

  private static ObjectNode config(String name) {
    try (InputStream file = FamiliesTest.class.getResourceAsStream("/configs/" + name + ".json")) {
      return (ObjectNode) MAPPER.readTree(Objects.requireNonNull(file));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static ObjectNode with(String name, String key, String value) {
    ObjectNode config = config(name);
    config.set(key, MAPPER.readTree(value));
    return config;
  }

  private static Map<String, List<Long>> tensors(JsonNode config) {
    return Families.of(config).tensors().shapes(Families.spec(config), Set.of());
  }

  @ParameterizedTest
  @CsvSource({
    "llada-8b, llada, 8_015_581_184",
    "dream-7b, dream, 7_615_616_512",
    "sdar-4b, sdar, 4_411_424_256",
    "llada-moe-7b-a1b, lladamoe, 7_356_880_896",
    "llada2-mini, llada2, 16_255_643_392",
    "fast-dllm-v2-7b, fast-dllm, 7_615_616_512",
    "llama-3.1-8b, llama, 8_030_261_248",
    "qwen2.5-7b, qwen2, 7_615_616_512",
    "qwen3-4b, qwen3, 4_022_468_096",
    "a2d-qwen3-0.6b, a2d-qwen3, 596_049_920",
    "a2d-qwen2.5-0.5b, a2d-qwen2, 494_032_768",
    "illada-8b, illada, 7_615_025_152",
    "nemotron-labs-diffusion-8b, nemotron-labs-diffusion, 8_489_553_920",
    "wedlm-8b, wedlm, 8_190_735_360",
  })
  void aPublishedConfigurationHasThePublishedNumberOfParameters(
      String name, String family, String parameters) {
    JsonNode config = config(name);
    ModelSpec spec = Families.spec(config);
    assertThat(spec.family()).isEqualTo(family);
    assertThat(spec.parameters()).isEqualTo(Long.parseLong(parameters.replace("_", "")));
    long elements =
        tensors(config).values().stream()
            .mapToLong(shape -> shape.stream().reduce(1L, Math::multiplyExact))
            .sum();
    assertThat(elements).isEqualTo(spec.parameters());
  }

  @Test
  void aMixtureOfExpertsUsesAFewOfItsWeights() {
    assertThat(Families.spec(config("llada2-mini")).activeParameters()).isEqualTo(1_432_973_056L);
    assertThat(Families.spec(config("qwen3-4b")).activeParameters()).isEqualTo(4_022_468_096L);
  }

  @Test
  void dreamHasBiasesAndAShiftOverTheWholeCanvas() {
    ModelSpec spec = Families.spec(config("dream-7b"));
    assertThat(spec.attention().projectionBias()).isTrue();
    assertThat(spec.reading().shifted()).isTrue();
    assertThat(spec.reading().countsPadding()).isFalse();
    assertThat(spec.attention().pattern()).isEqualTo(new AttentionPattern.Full());
    assertThat(spec.maskId()).isEqualTo(151_666);
    assertThat(tensors(config("dream-7b")))
        .hasSize(3 + 28 * 12)
        .containsEntry("model.layers.27.self_attn.k_proj.bias", List.of(512L))
        .containsEntry("model.layers.0.self_attn.q_proj.bias", List.of(3584L))
        .doesNotContainKey("model.layers.0.self_attn.o_proj.bias");
  }

  @Test
  void sdarNormalizesItsHeadsAndSeesBlocks() {
    ModelSpec spec = Families.spec(config("sdar-4b"));
    assertThat(spec.attention().headNorm()).isTrue();
    assertThat(spec.attention().pattern()).isEqualTo(new AttentionPattern.BlockCausal(4));
    assertThat(spec.withBlockLength(16).attention().pattern())
        .isEqualTo(new AttentionPattern.BlockCausal(16));
    assertThat(tensors(config("sdar-4b")))
        .containsEntry("model.layers.35.self_attn.q_norm.weight", List.of(128L))
        .containsEntry("model.layers.0.self_attn.q_proj.weight", List.of(4096L, 2560L));
    assertThatThrownBy(() -> Families.spec(config("dream-7b")).withBlockLength(4))
        .isInstanceOf(UnsupportedModelException.class)
        .hasMessageContaining("dream");
  }

  @Test
  void anA2dModelIsRunOverWholeCanvasesUnlessBlocksAreAskedFor() {
    ModelSpec spec = Families.spec(config("a2d-qwen3-0.6b"));
    assertThat(spec.attention().pattern()).isEqualTo(new AttentionPattern.Full());
    assertThat(spec.maskId()).isEqualTo(151_669);
    assertThat(spec.mayBeInBlocks()).isTrue();
    assertThat(asked(spec, new Blocks(16, Blocks.Seen.FROM_PROMPT)))
        .isEqualTo(new AttentionPattern.BlocksFromEnd(16));
    assertThat(asked(spec, new Blocks(16, Blocks.Seen.FROM_START)))
        .isEqualTo(new AttentionPattern.Full());
    ModelSpec blocks = Families.spec(with("a2d-qwen3-0.6b", "block_size", "32"));
    assertThat(blocks.attention().pattern()).isEqualTo(new AttentionPattern.BlocksFromEnd(32));
    assertThat(asked(blocks, new Blocks(8, Blocks.Seen.FROM_PROMPT)))
        .isEqualTo(new AttentionPattern.BlocksFromEnd(8));
    assertThat(blocks.mayBeInBlocks()).isFalse();
    assertThat(asked(Families.spec(config("llada-8b")), new Blocks(16, Blocks.Seen.FROM_PROMPT)))
        .isEqualTo(new AttentionPattern.Full());
  }

  private static AttentionPattern asked(ModelSpec spec, Blocks blocks) {
    return spec.recommended(GenerationConfig.NONE, Optional.of(blocks)).attention().pattern();
  }

  @Test
  void nemotronsQueriesGrowAndItsBlocksStandBehindACausalContext() {
    ModelSpec spec = Families.spec(config("nemotron-labs-diffusion-8b"));
    assertThat(spec.attention().pattern()).isEqualTo(new AttentionPattern.CausalContext(32));
    assertThat(spec.attention().rotary().growth()).contains(new Rotary.Growth(0.1, 16_384));
    assertThat(spec.maxLength()).isEqualTo(262_144);
    assertThat(spec.withBlockLength(16).attention().pattern())
        .isEqualTo(new AttentionPattern.CausalContext(16));
    assertThat(tensors(config("nemotron-labs-diffusion-8b")))
        .containsEntry("encoder.layers.33.mlp.up_proj.weight", List.of(14_336L, 4096L))
        .containsEntry("diffusion_head.weight", List.of(131_072L, 4096L));
  }

  @Test
  void queriesGrowFromTheTrainedLengthOn() {
    Rotary rotary =
        new Rotary(10_000, 4, new RotaryScaling.None(), Optional.of(new Rotary.Growth(0.5, 3)));
    float[] keys = rotary.table(7);
    float[] queries = rotary.queryTable(7);
    for (int position = 0; position < 7; position++) {
      double factor = 1 + 0.5 * Math.log(1 + Math.floor(position / 3.0));
      for (int column = 0; column < 4; column++) {
        assertThat((double) queries[4 * position + column])
            .isCloseTo(factor * keys[4 * position + column], within(1e-6));
      }
    }
    assertThatThrownBy(
            () ->
                Families.spec(
                    with(
                        "llada2-mini",
                        "rope_parameters",
                        "{\"rope_type\": \"default\", \"llama_4_scaling_beta\": 0.1}")))
        .isInstanceOf(UnsupportedModelException.class)
        .hasMessageContaining("llama_4_scaling_beta");
  }

  @Test
  void wedlmHasTheNormsAndBiasesThatItsConfigurationSays() {
    ModelSpec spec = Families.spec(config("wedlm-8b"));
    assertThat(spec.attention().headNorm()).isTrue();
    assertThat(spec.attention().projectionBias()).isFalse();
    assertThat(spec.attention().pattern()).isEqualTo(new AttentionPattern.KnownFirst(151_665));
    List<String> notices = new ArrayList<>();
    ObjectNode biased = with("wedlm-8b", "attention_bias", "true");
    biased.put("qk_norm", false);
    ModelSpec other = Families.spec(biased, notices::add);
    assertThat(other.attention().headNorm()).isFalse();
    assertThat(other.attention().projectionBias()).isTrue();
    assertThat(notices).isEmpty();
  }

  @Test
  void patternsSayWhatIsSeenAndWhatMayBeKept() {
    AttentionPattern fromEnd = new AttentionPattern.BlocksFromEnd(4);
    assertThat(IntStream.range(0, 10).map(index -> fromEnd.limit(index, 10)))
        .containsExactly(2, 2, 6, 6, 6, 6, 10, 10, 10, 10);
    assertThat(fromEnd.lacking(10)).isEqualTo(2);
    assertThat(fromEnd.lacking(8)).isZero();
    AttentionPattern context = new AttentionPattern.CausalContext(3);
    assertThat(IntStream.range(0, 5).map(index -> context.limit(index, 5)))
        .containsExactly(1, 2, 5, 5, 5);
    AttentionPattern known = new AttentionPattern.KnownFirst(9);
    assertThat(known.order(new int[] {1, 9, 2, 9, 3})).containsExactly(0, 2, 4, 1, 3);
    assertThat(known.limit(3, 5)).isEqualTo(4);
  }

  @Test
  void sdarMayBeAMixtureOfExperts() {
    ObjectNode config = with("sdar-4b", "model_type", "\"sdar_moe\"");
    config.set("architectures", MAPPER.readTree("[\"SDARMoeForCausalLM\"]"));
    config.put("num_experts", 128);
    config.put("num_experts_per_tok", 8);
    config.put("moe_intermediate_size", 768);
    config.put("norm_topk_prob", true);
    assertThat(Families.spec(config).feedForward().experts())
        .contains(new Experts(128, 8, 768, new Router.Softmax(true)));
  }

  @Test
  void lladaMoeIsToldFromTheDenseModelByItsArchitecture() {
    ModelSpec spec = Families.spec(config("llada-moe-7b-a1b"));
    assertThat(spec.feedForward().experts())
        .contains(new Experts(64, 8, 1024, new Router.Softmax(false)));
    assertThat(spec.maskId()).isEqualTo(156_895);
    assertThat(spec.attention().headNorm()).isTrue();
  }

  @Test
  void llada2RotatesHalfAHeadAndHasADenseLayerAndASharedExpert() {
    ModelSpec spec = Families.spec(config("llada2-mini"));
    assertThat(spec.attention().rotary().size()).isEqualTo(64);
    assertThat(spec.feedForward().experts())
        .contains(
            new Experts(256, 8, 512, new Router.GroupedSigmoid(8, 4, true, 2.5))
                .withShared(512)
                .fromLayer(1));
    assertThat(spec.feedForward().isDense(0)).isTrue();
    assertThat(spec.feedForward().isDense(1)).isFalse();
    assertThat(spec.attention().pattern()).isEqualTo(new AttentionPattern.BlockCausal(32));
    assertThat(tensors(config("llada2-mini")))
        .containsEntry("model.layers.3.attention.query_key_value.weight", List.of(3072L, 2048L))
        .containsEntry("model.layers.0.mlp.gate_proj.weight", List.of(5120L, 2048L))
        .containsEntry("model.layers.1.mlp.shared_experts.down_proj.weight", List.of(2048L, 512L))
        .containsEntry("model.layers.1.mlp.gate.expert_bias", List.of(256L))
        .containsEntry("model.layers.19.mlp.experts.255.up_proj.weight", List.of(512L, 2048L));
  }

  @ParameterizedTest
  @ValueSource(strings = {"gate_proj", "gate_proj.weight"})
  void expertsMayBeStacked(String leaf) {
    JsonNode config = config("llada2-mini");
    Set<String> present =
        Set.of("model.layers.1.mlp.experts." + leaf, "model.layers.2.mlp.experts." + leaf);
    Map<String, List<Long>> shapes =
        Families.of(config).tensors().shapes(Families.spec(config), present);
    assertThat(shapes)
        .containsEntry("model.layers.1.mlp.experts." + leaf, List.of(256L, 512L, 2048L))
        .containsEntry(
            "model.layers.2.mlp.experts." + leaf.replace("gate", "down"),
            List.of(256L, 2048L, 512L))
        .containsKey("model.layers.3.mlp.experts.0.gate_proj.weight");
  }

  @Test
  void fastDllmReadsABlocksFirstTokenAtTheEndOfTheBlockBefore() {
    ModelSpec spec = Families.spec(config("fast-dllm-v2-7b"));
    assertThat(spec.reading().shifted()).isTrue();
    assertThat(spec.attention().projectionBias()).isTrue();
    assertThat(spec.attention().pattern()).isEqualTo(new AttentionPattern.BlockCausal(32));
    assertThat(spec.maskId()).isEqualTo(151_665);
  }

  @Test
  void aCausalModelHasNoMask() {
    ModelSpec spec = Families.spec(config("llama-3.1-8b"));
    assertThat(spec.reading().ids())
        .isEqualTo(
            new TokenIds(
                OptionalInt.empty(), List.of(128001, 128008, 128009), OptionalInt.empty()));
    assertThat(spec.attention().pattern()).isEqualTo(new AttentionPattern.Causal());
    assertThatThrownBy(spec::maskId).hasMessageContaining("llama");
  }

  @Test
  void llama3StretchesItsLongWavelengths() {
    Rotary rotary = Families.spec(config("llama-3.1-8b")).attention().rotary();
    double[] plain = new Rotary(500_000, 128, new RotaryScaling.None()).frequencies();
    double[] scaled = rotary.frequencies();
    assertThat(scaled[0]).isEqualTo(plain[0]);
    assertThat(scaled[28]).isEqualTo(plain[28]);
    assertThat(scaled[63]).isCloseTo(plain[63] / 8, within(1e-18));
    // Wavelength 5.2e3 tokens, between 8192/4 and 8192/1: 0.19 of the way, worked by hand.
    double wavelength = 2 * Math.PI / plain[32];
    double smooth = (8192 / wavelength - 1) / 3;
    assertThat(scaled[32])
        .isCloseTo((1 - smooth) * plain[32] / 8 + smooth * plain[32], within(1e-12));
    assertThat(smooth).isBetween(0.0, 1.0);
  }

  @Test
  void yarnDividesSlowDimensionsAndGrowsTheMagnitude() {
    ObjectNode config =
        with(
            "qwen2.5-7b",
            "rope_scaling",
            "{\"factor\": 4.0, \"original_max_position_embeddings\": 32768, \"type\": \"yarn\"}");
    ModelSpec spec = Families.spec(config);
    double[] plain = new Rotary(1e6, 128, new RotaryScaling.None()).frequencies();
    double[] scaled = spec.attention().rotary().frequencies();
    // 128 · ln(32768 / (32 · 2π)) / (2 · ln 1e6) = 23.6 and, for one turn, 39.7.
    assertThat(scaled[23]).isEqualTo(plain[23]);
    assertThat(scaled[40]).isCloseTo(plain[40] / 4, within(1e-18));
    double ramp = (30 - 23) / (40.0 - 23);
    assertThat(scaled[30]).isCloseTo(plain[30] * (1 - ramp + ramp / 4), within(1e-12));
    assertThat(spec.attention().rotary().scaling().magnitude())
        .isCloseTo(0.1 * Math.log(4) + 1, within(1e-12));
    assertThat(spec.attention().rotary().table(1)[0]).isCloseTo(1.1386294f, within(1e-6f));
    assertThat(spec.maxLength()).isEqualTo(131_072);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "dream-7b | hidden_act | \"gelu\"",
        "dream-7b | use_sliding_window | true",
        "qwen3-4b | rope_ratio | 2",
        "qwen3-4b | rotary_emb_base | 1000000",
        "llama-3.1-8b | partial_rotary_factor | 0.5",
        "llada-8b | rope_parameters | {\"rope_type\":\"linear\",\"factor\":2}",
        "dream-7b | quantization_config | {\"bits\":4}",
        "sdar-4b | attention_bias | true",
        "sdar-4b | layer_types | [\"full_attention\",\"sliding_attention\"]",
        "llada-moe-7b-a1b | qk_layernorm | false",
        "llada-moe-7b-a1b | shared_expert_intermediate_size | 1024",
        "llada-moe-7b-a1b | moe_layer_freq | [0,1]",
        "llada2-mini | score_function | \"softmax\"",
        "llada2-mini | use_qkv_bias | true",
        "llada2-mini | use_bias | true",
        "llada2-mini | use_rmsnorm | false",
        "llada2-mini | norm_topk_prob | false",
        "llama-3.1-8b | attention_bias | true",
        "llama-3.1-8b | mlp_bias | true",
        "qwen3-4b | attention_bias | true",
      })
  void whatTheEngineLacksIsRefusedByKeyAndValue(String name, String key, String value) {
    assertThatThrownBy(() -> Families.spec(with(name, key, value)))
        .isInstanceOf(UnsupportedModelException.class)
        .hasMessageContaining("asks for " + key + " " + value);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "dream-7b | hidden_size",
        "dream-7b | rms_norm_eps",
        "sdar-4b | intermediate_size",
        "llada-moe-7b-a1b | qk_layernorm",
        "llada-moe-7b-a1b | num_experts_per_tok",
        "llada2-mini | n_group",
        "llada2-mini | score_function",
        "llama-3.1-8b | max_position_embeddings",
        "qwen2.5-7b | num_hidden_layers",
      })
  void aMissingKeyIsRefusedByName(String name, String key) {
    ObjectNode config = config(name);
    config.remove(key);
    assertThatThrownBy(() -> Families.spec(config))
        .isInstanceOf(UnsupportedModelException.class)
        .hasMessageContaining("no value for " + key + ",");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "dream-7b | num_key_value_heads | 5",
        "sdar-4b | head_dim | 7",
        "sdar-4b | block_size | 0",
        "sdar-4b | block_length | 8",
        "llada2-mini | n_group | 7",
        "llada2-mini | topk_group | 9",
        "llada2-mini | num_experts_per_tok | 200",
        "llada2-mini | partial_rotary_factor | 0.001",
        "llada-moe-7b-a1b | moe_layer_freq | [1,1]",
      })
  void aBadValueIsRefusedByKey(String name, String key, String value) {
    assertThatThrownBy(() -> Families.spec(with(name, key, value)))
        .isInstanceOf(UnsupportedModelException.class)
        .hasMessageContaining(key);
  }

  @Test
  void anotherFamilyIsRefusedByItsName() {
    assertThatThrownBy(() -> Families.spec(with("llada-8b", "model_type", "\"gpt2\"")))
        .isInstanceOf(UnsupportedModelException.class)
        .hasMessageStartingWith(
            "config.json has model_type \"gpt2\", whose models have layer norms with a mean and learned"
                + " positions, which this engine lacks; supported are llada, illada, Dream,");
    assertThatThrownBy(() -> Families.spec(with("llada-8b", "model_type", "\"nemotron_h\"")))
        .isInstanceOf(UnsupportedModelException.class)
        .hasMessageStartingWith(
            "config.json has model_type \"nemotron_h\", whose models have Mamba layers, which this engine lacks; supported are");
    ObjectNode config = config("llada-8b");
    config.remove("model_type");
    assertThatThrownBy(() -> Families.spec(config))
        .isInstanceOf(UnsupportedModelException.class)
        .hasMessageStartingWith("config.json has no model_type;");
    assertThatThrownBy(
            () ->
                Families.spec(
                    with("llama-3.1-8b", "architectures", "[\"LlamaForTokenClassification\"]")))
        .isInstanceOf(UnsupportedModelException.class)
        .hasMessageContaining("LlamaForTokenClassification")
        .hasMessageContaining("LlamaForCausalLM");
  }

  @Test
  void aLimitIsTheLeadingKeysOfTheSequence() {
    AttentionPattern blocks = new AttentionPattern.BlockCausal(4);
    assertThat(blocks.limit(0, 10)).isEqualTo(4);
    assertThat(blocks.limit(3, 10)).isEqualTo(4);
    assertThat(blocks.limit(4, 10)).isEqualTo(8);
    assertThat(blocks.limit(9, 10)).isEqualTo(10);
    assertThat(blocks.cacheable(7)).isEqualTo(4);
    assertThat(new AttentionPattern.Causal().limit(3, 10)).isEqualTo(4);
    assertThat(new AttentionPattern.Causal().cacheable(7)).isEqualTo(7);
    assertThat(new AttentionPattern.Full().limit(3, 10)).isEqualTo(10);
    assertThat(new AttentionPattern.Full().cacheable(7)).isZero();
  }
}
