package dev.palimpsest.engine.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** Rotary positions from every place that published configurations have them in. */
final class RotaryConfigTest {
  private static final JsonMapper MAPPER = JsonMapper.shared();
  private static final JsonNode RECORDED = recorded();

  private static JsonNode recorded() {
    String name = "/rotary/transformers.json";
    try (InputStream file = RotaryConfigTest.class.getResourceAsStream(name)) {
      return MAPPER.readTree(Objects.requireNonNull(file));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static ObjectNode with(JsonNode keys) {
    ObjectNode config = (ObjectNode) RECORDED.path("config").deepCopy();
    keys.properties().forEach(each -> config.set(each.getKey(), each.getValue()));
    return config;
  }

  private static ModelSpec spec(String keys) {
    return Families.spec(with(MAPPER.readTree(keys)));
  }

  static Stream<JsonNode> cases() {
    return RECORDED.path("cases").values().stream();
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("cases")
  void frequenciesAreThoseOfTransformers(JsonNode recorded) {
    Rotary rotary = Families.spec(with(recorded.path("config"))).attention().rotary();
    double[] frequencies = rotary.frequencies();
    assertThat(frequencies).hasSize(recorded.path("inv_freq").size());
    for (int i = 0; i < frequencies.length; i++) {
      double expected = recorded.path("inv_freq").path(i).doubleValue();
      assertThat(frequencies[i]).isCloseTo(expected, within(2e-6 * Math.abs(expected)));
    }
    assertThat(rotary.scaling().magnitude())
        .isCloseTo(recorded.path("attention_scaling").doubleValue(), within(1e-6));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{'rope_theta':1,'rope_scaling':{'rope_theta':2}} | rope_theta 1 | rope_scaling.rope_theta 2",
        "{'rope_theta':1,'rope_parameters':{'rope_theta':2}} | rope_theta 1 | rope_parameters.rope_theta 2",
        "{'rope_scaling':{'rope_theta':1},'rope_parameters':{'rope_theta':2}} | rope_scaling.rope_theta 1 | rope_parameters.rope_theta 2",
        "{'rope_scaling':{'type':'linear','factor':2},'rope_parameters':{'rope_type':'default'}} | rope_scaling {\"type\":\"linear\" | rope_parameters {\"rope_type\":\"default\"",
        "{'rope_scaling':{'type':'linear','factor':2},'rope_parameters':{'type':'linear','factor':4}} | rope_scaling {\"type\":\"linear\",\"factor\":2} | rope_parameters {\"type\":\"linear\",\"factor\":4}",
        "{'rope_scaling':{'type':'linear','rope_type':'yarn','factor':2}} | rope_scaling.rope_type \"yarn\" | rope_scaling.type \"linear\"",
        "{'original_max_position_embeddings':64,'rope_scaling':{'type':'yarn','factor':2,'original_max_position_embeddings':128}} | original_max_position_embeddings 64 | rope_scaling.original_max_position_embeddings 128",
      })
  void aContradictionIsRefusedByBothKeys(String keys, String one, String other) {
    assertThatThrownBy(() -> spec(keys.replace('\'', '"')))
        .isInstanceOf(UnsupportedModelException.class)
        .hasMessageContainingAll(one, other, "contradict each other");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "rope_theta",
        "rope_type",
        "factor",
        "low_freq_factor",
        "high_freq_factor",
        "original_max_position_embeddings",
        "beta_fast",
        "beta_slow",
        "attention_factor",
        "mscale",
        "mscale_all_dim",
        "truncate",
        "partial_rotary_factor",
        "base",
        "mrope_section",
      })
  void everyKeyOfAScalingChangesTheModelOrIsRefusedOrIsToldToBeUnused(String key) {
    String others =
        "'factor':4,'low_freq_factor':1,'high_freq_factor':4,'original_max_position_embeddings':128";
    for (String type : List.of("default", "linear", "dynamic", "llama3", "yarn")) {
      ObjectNode scaling =
          (ObjectNode)
              MAPPER.readTree("{'rope_type':'%s',%s}".formatted(type, others).replace('\'', '"'));
      List<String> notices = new ArrayList<>();
      ModelSpec before = readScaling(scaling, notices);
      if (key.startsWith("mscale")) {
        scaling.put("mscale", 0.5).put("mscale_all_dim", 0.5);
        before = readScaling(scaling, notices);
      }
      notices.clear();
      switch (key) {
        case "rope_type" -> scaling.put(key, type.equals("yarn") ? "default" : "yarn");
        case "truncate" -> scaling.put(key, false);
        default -> scaling.put(key, key.startsWith("original") ? 64 : 3);
      }
      boolean refused = false;
      boolean changed = false;
      try {
        changed = !readScaling(scaling, notices).equals(before);
      } catch (UnsupportedModelException e) {
        refused = String.valueOf(e.getMessage()).contains("rope_scaling." + key + " ");
      }
      boolean told =
          notices.stream().anyMatch(notice -> notice.contains("rope_scaling." + key + " "));
      assertThat(List.of(refused, changed, told))
          .as("%s of %s is refused, changes the model, is told to be unused", key, type)
          .containsOnlyOnce(true);
    }
  }

  private static ModelSpec readScaling(ObjectNode scaling, List<String> notices) {
    ObjectNode keys = MAPPER.createObjectNode();
    keys.set("rope_scaling", scaling.deepCopy());
    return Families.spec(with(keys), notices::add);
  }

  @Test
  void aScalingThatTheEngineLacksIsRefusedByItsName() {
    assertThatThrownBy(
            () -> spec("{\"rope_scaling\":{\"type\":\"longrope\",\"short_factor\":[1]}}"))
        .isInstanceOf(UnsupportedModelException.class)
        .hasMessageContaining("rope_scaling.type \"longrope\"");
  }

  @Test
  void aStretchedContextIsLonger() {
    assertThat(spec("{\"rope_scaling\":{\"type\":\"linear\",\"factor\":2.5}}").maxLength())
        .isEqualTo(1280);
    assertThat(spec("{\"rope_scaling\":{\"type\":\"dynamic\",\"factor\":4}}").maxLength())
        .isEqualTo(512);
    assertThat(
            spec("{\"original_max_position_embeddings\":256,"
                    + "\"rope_scaling\":{\"type\":\"yarn\",\"factor\":4}}")
                .maxLength())
        .isEqualTo(1024);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "llama | attention_bias | true | refused",
        "llama | mlp_bias | true | refused",
        "llama | use_sliding_window | true | told",
        "llama | layer_types | [\"sliding_attention\"] | told",
        "llama | final_logit_softcapping | 30.0 | told",
        "qwen2 | attention_bias | true | told",
        "qwen2 | attention_bias | false | nothing",
        "qwen2 | use_sliding_window | true | nothing",
        "qwen3 | attention_bias | true | refused",
        "qwen3 | mlp_bias | true | told",
        "llama | pad_token_id | -1 | told",
        "llama | pad_token_id | 300 | told",
        "llama | eos_token_id | -1 | told",
        "llama | eos_token_id | [2,300] | told",
        "llama | eos_token_id | \"</s>\" | refused",
        "llama | bos_token_id | -1 | nothing",
      })
  void whatIsUsedIsRefusedAndWhatIsNotIsTold(
      String family, String key, String value, String outcome) {
    ObjectNode config = with(MAPPER.createObjectNode());
    config.put("model_type", family);
    config.remove("architectures");
    config.set(key, MAPPER.readTree(value));
    List<String> notices = new ArrayList<>();
    if (outcome.equals("refused")) {
      assertThatThrownBy(() -> Families.spec(config)).hasMessageContaining(key);
      return;
    }
    TokenIds ids = Families.spec(config, notices::add).reading().ids();
    assertThat(ids.pad()).isEmpty();
    assertThat(ids.eos()).isSubsetOf(2);
    assertThat(notices)
        .hasSize(outcome.equals("told") ? 1 : 0)
        .allMatch(each -> each.contains(key));
  }
}
