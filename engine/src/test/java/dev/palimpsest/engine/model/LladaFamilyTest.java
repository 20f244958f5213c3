package dev.palimpsest.engine.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.palimpsest.step.AttentionPattern;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

final class LladaFamilyTest {
  private static final JsonMapper MAPPER = JsonMapper.builder().build();

  /** The published LLaDA-8B configuration. */
  private static ObjectNode published() {
    return (ObjectNode)
        MAPPER.readTree(
            """
            {"activation_type": "silu", "alibi": false, "alibi_bias_max": 8.0,
             "architectures": ["LLaDAModelLM"], "attention_dropout": 0.0,
             "attention_layer_norm": false, "attention_layer_norm_with_affine": true,
             "bias_for_layer_norm": false, "block_group_size": 1, "block_type": "llama",
             "d_model": 4096, "embedding_dropout": 0.0, "embedding_size": 126464,
             "eos_token_id": 126081, "flash_attention": false, "include_bias": false,
             "include_qkv_bias": false, "init_cutoff_factor": null, "init_device": "meta",
             "init_fn": "mitchell", "init_std": 0.02, "input_emb_norm": false,
             "layer_norm_type": "rms", "layer_norm_with_affine": true, "mask_token_id": 126336,
             "max_sequence_length": 4096, "mlp_hidden_size": 12288, "mlp_ratio": 4,
             "model_type": "llada", "multi_query_attention": null, "n_heads": 32,
             "n_kv_heads": 32, "n_layers": 32, "pad_token_id": 126081, "precision": "amp_bf16",
             "residual_dropout": 0.0, "rms_norm_eps": 1e-05, "rope": true,
             "rope_full_precision": true, "rope_theta": 500000.0, "scale_logits": false,
             "torch_dtype": "bfloat16", "use_cache": false, "vocab_size": 126464,
             "weight_tying": false}
            """);
  }

  private static ObjectNode with(String key, String value) {
    ObjectNode config = published();
    config.set(key, MAPPER.readTree(value));
    return config;
  }

  @Test
  void thePublishedConfigIsAModelOfEightBillionParameters() {
    ModelSpec spec = Families.spec(published());
    assertThat(spec.family()).isEqualTo("llada");
    assertThat(spec.layers()).isEqualTo(32);
    assertThat(spec.hidden()).isEqualTo(4096);
    assertThat(spec.normEpsilon()).isEqualTo(1e-5);
    assertThat(spec.attention())
        .isEqualTo(
            new Attention(
                32,
                32,
                128,
                new Rotary(500000, 128, new RotaryScaling.None()),
                new AttentionPattern.Full()));
    assertThat(spec.feedForward()).isEqualTo(FeedForward.dense(12288));
    assertThat(spec.vocabulary()).isEqualTo(126464);
    assertThat(spec.tiedHead()).isFalse();
    assertThat(spec.maxLength()).isEqualTo(4096);
    assertThat(spec.reading())
        .isEqualTo(
            new Reading(
                    new TokenIds(OptionalInt.of(126336), List.of(126081), OptionalInt.of(126081)))
                .countingPadding());
    assertThat(spec.parameters()).isEqualTo(8_015_581_184L);
  }

  @Test
  void thePublishedTensorsAreListedWithTheirShapes() {
    ModelSpec spec = Families.spec(published());
    Map<String, List<Long>> tensors = tensors(spec);
    assertThat(tensors)
        .hasSize(3 + 9 * 32)
        .containsEntry("model.transformer.wte.weight", List.of(126464L, 4096L))
        .containsEntry("model.transformer.blocks.31.attn_norm.weight", List.of(4096L))
        .containsEntry("model.transformer.blocks.0.q_proj.weight", List.of(4096L, 4096L))
        .containsEntry("model.transformer.blocks.0.attn_out.weight", List.of(4096L, 4096L))
        .containsEntry("model.transformer.blocks.7.ff_norm.weight", List.of(4096L))
        .containsEntry("model.transformer.blocks.7.ff_proj.weight", List.of(12288L, 4096L))
        .containsEntry("model.transformer.blocks.7.up_proj.weight", List.of(12288L, 4096L))
        .containsEntry("model.transformer.blocks.7.ff_out.weight", List.of(4096L, 12288L))
        .containsEntry("model.transformer.ln_f.weight", List.of(4096L))
        .containsEntry("model.transformer.ff_out.weight", List.of(126464L, 4096L));
    assertThat(elements(tensors)).isEqualTo(spec.parameters());
  }

  private static Map<String, List<Long>> tensors(ModelSpec spec) {
    return LladaFamily.FAMILY.tensors().shapes(spec, Set.of());
  }

  private static long elements(Map<String, List<Long>> tensors) {
    return tensors.values().stream()
        .mapToLong(shape -> shape.stream().reduce(1L, Math::multiplyExact))
        .sum();
  }

  @Test
  void groupedQueriesHaveNarrowKeysAndValues() {
    ModelSpec spec = Families.spec(with("n_kv_heads", "8"));
    assertThat(spec.attention().keyValueHeads()).isEqualTo(8);
    Map<String, List<Long>> tensors = tensors(spec);
    assertThat(tensors)
        .containsEntry("model.transformer.blocks.3.q_proj.weight", List.of(4096L, 4096L))
        .containsEntry("model.transformer.blocks.3.k_proj.weight", List.of(1024L, 4096L))
        .containsEntry("model.transformer.blocks.3.v_proj.weight", List.of(1024L, 4096L));
    assertThat(elements(tensors)).isEqualTo(spec.parameters());
    assertThat(Families.spec(with("n_kv_heads", "null")).attention().keyValueHeads()).isEqualTo(32);
  }

  @Test
  void aTiedHeadIsTheEmbedding() {
    ModelSpec spec = Families.spec(with("weight_tying", "true"));
    assertThat(spec.tiedHead()).isTrue();
    assertThat(tensors(spec)).doesNotContainKey("model.transformer.ff_out.weight");
    assertThat(elements(tensors(spec))).isEqualTo(spec.parameters());
  }

  @Test
  void theFeedForwardIsAMultipleOfTheWidthUnlessItIsGiven() {
    ObjectNode config = with("mlp_hidden_size", "null");
    config.put("mlp_ratio", 3);
    assertThat(Families.spec(config).feedForward()).isEqualTo(FeedForward.dense(3 * 4096));
    config.remove("mlp_ratio");
    assertThat(Families.spec(config).feedForward()).isEqualTo(FeedForward.dense(4 * 4096));
  }

  @Test
  void theEmbeddingMayHaveMoreRowsThanTheVocabulary() {
    assertThat(Families.spec(with("embedding_size", "126592")).vocabulary()).isEqualTo(126592);
    assertThat(Families.spec(with("embedding_size", "null")).vocabulary()).isEqualTo(126464);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "alibi | true",
        "rope | false",
        "rope_full_precision | false",
        "rope_scaling | {\"factor\":2}",
        "layer_norm_type | \"default\"",
        "activation_type | \"swiglu\"",
        "block_type | \"sequential\"",
        "include_bias | true",
        "include_qkv_bias | true",
        "bias_for_layer_norm | true",
        "layer_norm_with_affine | false",
        "attention_layer_norm | true",
        "multi_query_attention | true",
        "clip_qkv | 8.0",
        "scale_logits | true",
        "input_emb_norm | true",
        "block_group_size | 4",
        "quantization_config | {\"bits\":4}",
      })
  void whatTheEngineLacksIsRefusedByKeyAndValue(String key, String value) {
    assertThatThrownBy(() -> Families.spec(with(key, value)))
        .isInstanceOf(UnsupportedModelException.class)
        .hasMessageContaining("asks for " + key + " " + value);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "d_model",
        "n_heads",
        "n_layers",
        "vocab_size",
        "max_sequence_length",
        "rope",
        "rope_theta",
        "rms_norm_eps",
        "layer_norm_type",
        "activation_type",
        "block_type",
        "weight_tying",
        "mask_token_id",
        "eos_token_id",
        "pad_token_id"
      })
  void aMissingKeyIsRefusedByName(String key) {
    ObjectNode config = published();
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
        "n_layers | 0",
        "n_layers | 2000000000",
        "n_layers | 99999999999",
        "n_layers | 32.0",
        "n_layers | \"32\"",
        "d_model | -4096",
        "d_model | true",
        "n_heads | 0",
        "n_heads | 33",
        "n_heads | 4096",
        "n_kv_heads | 0",
        "n_kv_heads | 5",
        "n_kv_heads | 64",
        "mlp_hidden_size | 0",
        "vocab_size | 0",
        "embedding_size | 126463",
        "max_sequence_length | 0",
        "rope_theta | 0",
        "rope_theta | \"big\"",
        "rms_norm_eps | -1.0E-5",
        "weight_tying | 1",
        "mask_token_id | 126464",
        "pad_token_id | 1.5",
      })
  void aBadValueIsRefusedByKeyAndValue(String key, String value) {
    assertThatThrownBy(() -> Families.spec(with(key, value)))
        .isInstanceOf(UnsupportedModelException.class)
        .hasMessageContaining(key + " " + value);
  }

  @Test
  void keysThatContradictEachOtherAreRefused() {
    ObjectNode config = with("n_kv_heads", "8");
    config.put("multi_query_attention", false);
    assertThatThrownBy(() -> Families.spec(config))
        .isInstanceOf(UnsupportedModelException.class)
        .hasMessageContaining("multi_query_attention");
  }
}
