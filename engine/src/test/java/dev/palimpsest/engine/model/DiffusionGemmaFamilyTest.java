package dev.palimpsest.engine.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.palimpsest.engine.checkpoint.Checkpoint;
import dev.palimpsest.engine.checkpoint.CheckpointException;
import dev.palimpsest.step.AttentionPattern;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** How configurations of DiffusionGemma are read. */
final class DiffusionGemmaFamilyTest {
  /** Shapes of the size that is published, with as little said as the defaults allow. */
  private static final String CONFIG =
      """
      {"model_type": "diffusion_gemma", "architectures": ["DiffusionGemmaForBlockDiffusion"],
       "vision_config": {"model_type": "gemma4_vision"},
       "text_config": {"hidden_size": 2816, "intermediate_size": 2112, "num_attention_heads": 16,
        "num_key_value_heads": 8, "head_dim": 256, "num_global_key_value_heads": 2,
        "num_hidden_layers": 30, "num_experts": 128, "top_k_experts": 8,
        "moe_intermediate_size": 704, "sliding_window": 1024, "vocab_size": 262144,
        "max_position_embeddings": 262144, "eos_token_id": 1, "pad_token_id": 0}}
      """;

  private static JsonNode config() {
    return JsonMapper.shared().readTree(CONFIG);
  }

  private static JsonNode with(String key, String value) {
    ObjectNode config = (ObjectNode) config();
    ((ObjectNode) config.path("text_config")).set(key, JsonMapper.shared().readTree(value));
    return config;
  }

  @Test
  void aConfigurationThatSaysLittleHasThePublishedLayers() {
    List<String> notices = new ArrayList<>();
    ModelSpec spec = Families.spec(config(), notices::add);
    assertThat(notices)
        .containsExactly(
            "config.json has a vision_config, which is not used: images are not read, and the"
                + " weights of their tower are skipped.");
    List<Integer> full =
        IntStream.range(0, 30)
            .filter(layer -> spec.attention(layer).window() == Attention.ALL_KEYS)
            .boxed()
            .toList();
    assertThat(full).containsExactly(5, 11, 17, 23, 29);
    assertThat(spec.attention(0))
        .isEqualTo(
            new Attention(
                16,
                8,
                256,
                false,
                true,
                new Rotary(10_000, 256, new RotaryScaling.None()),
                new AttentionPattern.Canvas(256),
                1024,
                Attention.Values.NORMED,
                1));
    assertThat(spec.attention(29))
        .isEqualTo(
            new Attention(
                16,
                2,
                512,
                false,
                true,
                new Rotary(1_000_000, 512, new RotaryScaling.Proportional(0.25)),
                new AttentionPattern.Canvas(256),
                Attention.ALL_KEYS,
                Attention.Values.NORMED_KEYS,
                1));
    assertThat(spec.attention(29).rotary().frequencies())
        .hasSize(256)
        .satisfies(
            each -> {
              assertThat(each[63]).isEqualTo(1 / StrictMath.pow(1e6, 126.0 / 512));
              assertThat(each[64]).isZero();
            });
    assertThat(spec.canvas()).contains(new Canvas(256, 2112));
    assertThatThrownBy(spec::maskId)
        .hasMessage("a diffusion_gemma model has no mask: its canvases begin as random ids");
    assertThat(spec.stream())
        .isEqualTo(new ResidualStream(Math.sqrt(2816), BlockNorms.BEFORE_AND_AFTER, true));
    assertThat(spec.reading().logitCap()).hasValue(30);
    assertThat(spec.feedForward().experts())
        .contains(
            new Experts(128, 8, 704, new Router.ScaledSoftmax())
                .withShared(2112)
                .withGate(Gate.TANH_GELU));
    assertThat(spec.parameters()).isBetween(25_000_000_000L, 26_500_000_000L);
    assertThat(spec.activeParameters()).isBetween(3_500_000_000L, 4_500_000_000L);
    assertThat(spec.attention().pattern().limit(9, 300)).isEqualTo(10);
    assertThat(spec.attention().pattern().limit(44, 300)).isEqualTo(300);
    assertThat(spec.canvasWindow(1024)).isEqualTo(256 + 1023);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "use_bidirectional_attention | \"all\" | null or \"vision\"",
        "hidden_activation | \"silu\" | \"gelu_pytorch_tanh\"",
        "attention_bias | true | false",
        "attn_logit_softcapping | 50.0 | null",
        "num_kv_shared_layers | 4 | 0",
      })
  void whatTheEngineLacksIsRefused(String key, String value, String has) {
    assertThatThrownBy(() -> Families.spec(with(key, value)))
        .isInstanceOf(UnsupportedModelException.class)
        .hasMessage(
            "config.json asks for text_config.%s %s, which this engine lacks; it has %s.",
            key, value, has);
  }

  @Test
  void layersSayTheirOwnHeadsAndTurns() {
    ModelSpec spec =
        Families.spec(
            with("per_layer_config", "{\"5\": {\"head_dim\": 128, \"num_key_value_heads\": 4}}"));
    assertThat(spec.attention(5).headSize()).isEqualTo(128);
    assertThat(spec.attention(5).keyValueHeads()).isEqualTo(4);
    assertThat(spec.attention(11).headSize()).as("says nothing").isEqualTo(256);
    JsonNode yarn = with("rope_parameters", "{\"full_attention\": {\"rope_type\": \"yarn\"}}");
    assertThatThrownBy(() -> Families.spec(yarn))
        .hasMessage(
            "config.json asks for text_config.rope_parameters.full_attention.rope_type \"yarn\","
                + " which this engine lacks; it has default and proportional.");
  }

  @Test
  void fullLayersHaveNoValuesOfTheirOwnAndTowersAreSkipped() {
    TensorNames names = Families.of(config()).tensors();
    Set<String> fused =
        Set.of(
            "model.decoder.layers.0.experts.gate_up_proj",
            "model.decoder.layers.5.experts.gate_up_proj");
    var shapes = names.shapes(Families.spec(config()), fused);
    assertThat(shapes)
        .containsEntry("model.decoder.layers.0.self_attn.v_proj.weight", List.of(2048L, 2816L))
        .containsEntry("model.decoder.layers.5.self_attn.k_proj.weight", List.of(1024L, 2816L))
        .containsEntry("model.decoder.layers.5.experts.gate_up_proj", List.of(128L, 1408L, 2816L))
        .containsEntry("model.encoder.language_model.layers.29.layer_scalar", List.of(1L))
        .doesNotContainKey("model.decoder.layers.5.self_attn.v_proj.weight");
    Set<String> expected = shapes.keySet();
    Set<String> listed = new HashSet<>(expected);
    listed.add("model.encoder.vision_tower.patch_embedder.weight");
    listed.add("model.encoder.embed_vision.embedding_projection.weight");
    Path folder = Path.of("model");
    assertThatCode(() -> Checkpoint.requireNames(folder, listed, expected, Map.of(), names::skips))
        .doesNotThrowAnyException();
    listed.add("model.decoder.audio_tower.weight");
    assertThatThrownBy(
            () -> Checkpoint.requireNames(folder, listed, expected, Map.of(), names::skips))
        .hasMessageContaining("1 tensor is surplus (\"model.decoder.audio_tower.weight\")");
  }

  @Test
  void canvasesAreDenoisedAsTheFileSaysOrElseAsPublished(@TempDir Path folder) throws IOException {
    ModelSpec spec = Families.spec(config());
    assertThat(GenerationConfig.read(folder, spec, _ -> {}).denoising())
        .contains(Denoising.PUBLISHED);
    Path file = folder.resolve("generation_config.json");
    Files.writeString(
        file,
        """
        {"max_new_tokens": 512, "max_denoising_steps": 32, "t_min": 0.2,
         "sampler_config": {"_cls_name": "EntropyBoundSamplerConfig", "entropy_bound": 0.3}}
        """);
    List<String> notices = new ArrayList<>();
    GenerationConfig read = GenerationConfig.read(folder, spec, notices::add);
    assertThat(read.denoising()).contains(new Denoising(32, 0.2, 0.8, 0.3, 1, 0.005));
    assertThat(read.genLength()).hasValue(512);
    assertThat(notices).isEmpty();
    for (String wrong :
        List.of(
            "\"t_min\": 0.9 | t_max is 0.8; a number above 0.9 is needed.",
            "\"max_denoising_steps\": 0 | max_denoising_steps is 0; an integer of 1 or above is needed.",
            "\"confidence_threshold\": 0 | confidence_threshold is 0; a number above 0.0 is needed.",
            "\"sampler_config\": {} | sampler_config is {}; a sampler with an entropy_bound of 0 or above is needed.")) {
      String[] parts = wrong.split(" \\| ", -1);
      Files.writeString(file, "{\"t_max\": 0.8, " + parts[0] + "}");
      assertThatThrownBy(() -> GenerationConfig.read(folder, spec, _ -> {}))
          .isInstanceOf(CheckpointException.class)
          .hasMessageEndingWith(parts[1]);
    }
    ModelSpec causal =
        Families.spec(
            JsonMapper.shared()
                .readTree(
                    """
                    {"model_type": "qwen2", "hidden_size": 32, "num_attention_heads": 2,
                     "intermediate_size": 40, "vocab_size": 90, "num_hidden_layers": 1,
                     "hidden_act": "silu", "rms_norm_eps": 1e-6, "max_position_embeddings": 700}
                    """));
    Files.delete(file);
    assertThat(GenerationConfig.read(folder, causal, _ -> {}).denoising())
        .isEqualTo(Optional.empty());
  }
}
