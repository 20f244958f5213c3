package dev.palimpsest.app.check;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.app.Outcome;
import dev.palimpsest.app.terminal.Cli;
import dev.palimpsest.engine.model.Families;
import dev.palimpsest.engine.model.ModelSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** Published models, of which nothing is here but their configuration and their index. */
final class InspectCommandTest {
  private static final JsonMapper MAPPER = new JsonMapper();
  private static final Path CONFIGS = Cli.home().resolve("engine/src/test/resources/configs");

  @TempDir Path folder;

  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "llada-8b, llada, 8_015_581_184, llada",
    "dream-7b, dream, 7_615_616_512, dream",
    "sdar-4b, sdar, 4_411_424_256, block",
    "llada-moe-7b-a1b, lladamoe, 7_356_880_896, llada",
    "llada2-mini, llada2, 16_255_643_392, block",
    "fast-dllm-v2-7b, fast-dllm, 7_615_616_512, sub_block",
    "illada-8b, illada, 7_615_025_152, llada",
    "a2d-qwen3-0.6b, a2d-qwen3, 596_049_920, llada",
    "a2d-qwen2.5-0.5b, a2d-qwen2, 494_032_768, llada",
    "nemotron-labs-diffusion-8b, nemotron-labs-diffusion, 8_489_553_920, seeded_block",
    "wedlm-8b, wedlm, 8_190_735_360, wedlm",
  })
  void aPublishedModelIsDescribedWithoutItsWeights(
      String name, String family, String parameters, String sampler) throws IOException {
    JsonNode config = config(name);
    ModelSpec spec = Families.spec(config);
    ObjectNode index = MAPPER.createObjectNode();
    ObjectNode map = index.putObject("weight_map");
    Set<String> tensors = Families.of(config).tensors().shapes(spec, Set.of()).keySet();
    tensors.forEach(tensor -> map.put(tensor, "model-00001-of-00001.safetensors"));
    Files.writeString(folder.resolve("model.safetensors.index.json"), index.toString());
    Outcome outcome = Outcome.of("inspect", "--json", folder.toString());
    assertThat(outcome.code()).as(outcome.err()).isZero();
    JsonNode facts = MAPPER.readTree(outcome.out());
    long count = Long.parseLong(parameters.replace("_", ""));
    assertThat(facts.path("family").stringValue()).isEqualTo(family);
    assertThat(facts.path("parameters").longValue()).isEqualTo(count);
    assertThat(facts.path("weights_bf16_bytes").longValue()).isEqualTo(2 * count);
    assertThat(facts.path("sampler").stringValue()).isEqualTo(sampler);
    assertThat(facts.path("supported").stringValue()).isEqualTo("yes");
    assertThat(facts.path("tensors").intValue()).isEqualTo(tensors.size());
    assertThat(facts.path("weights").stringValue()).contains("not all files are there");
  }

  @Test
  void theMemoryOfABatchIsItsKeysAndValuesAndAStepOverAllOfIt() throws IOException {
    config("sdar-4b");
    JsonNode facts = facts("--batch", "16", "--length", "512");
    assertThat(facts.path("batch").stringValue()).isEqualTo("16 sequences of 512 tokens");
    // 36 layers of 8 heads of 128, keys and values, in f32.
    assertThat(facts.path("kv_bytes_of_the_batch").longValue())
        .isEqualTo(16L * 512 * 36 * 2 * 8 * 128 * 4);
    // Hidden 2560, 32 query heads of 128, a feed-forward of 9728.
    assertThat(facts.path("step_bytes_of_the_batch").longValue())
        .isEqualTo(4L * 16 * 512 * (4 * 2560 + 2 * 32 * 128 + 2 * 8 * 128 + 3 * 9728));
    JsonNode half = facts("--batch", "8", "--length", "512");
    assertThat(facts.path("step_bytes_of_the_batch").longValue())
        .isGreaterThan(half.path("step_bytes_of_the_batch").longValue());
    assertThat(facts("--length", "1000000").path("batch").stringValue())
        .isEqualTo("8 sequences of 32768 tokens");
    Files.delete(folder.resolve("config.json"));
    config("llada-8b");
    assertThat(facts().path("kv_bytes_of_the_batch").longValue()).isZero();
    Outcome wrong = Outcome.of("inspect", "--batch", "0", folder.toString());
    assertThat(wrong.code()).isEqualTo(2);
    assertThat(wrong.err()).contains("--batch 0 is no size: use 1 to 1,024");
  }

  private JsonNode facts(String... options) {
    String[] command =
        Stream.of(new String[] {"inspect", "--json"}, options, new String[] {folder.toString()})
            .flatMap(Stream::of)
            .toArray(String[]::new);
    return MAPPER.readTree(Outcome.of(command).out());
  }

  @Test
  void anIndexThatLacksATensorIsRefusedByItsName() throws IOException {
    config("sdar-4b");
    Files.writeString(
        folder.resolve("model.safetensors.index.json"),
        "{\"weight_map\":{\"model.norm.weight\":\"model-00001-of-00001.safetensors\"}}");
    Outcome outcome = Outcome.of("inspect", folder.toString());
    assertThat(outcome.code()).isEqualTo(1);
    assertThat(outcome.err().lines()).hasSize(1);
    assertThat(outcome.err()).contains("398 tensors are missing", "model.embed_tokens.weight");
  }

  @Test
  void theDepthIsOfTheRecommendedOptionsBehindAPromptOf128Tokens() throws IOException {
    config("llada-8b");
    Files.writeString(
        folder.resolve("generation_config.json"),
        "{\"gen_length\":256,\"block_length\":32,\"steps\":64}");
    JsonNode facts = MAPPER.readTree(Outcome.of("inspect", "--json", folder.toString()).out());
    // Widths of 2^12, heads of 2^7, 12,288 within 2^14, 126,464 ids within 2^17, 384 within 2^9.
    long layer = (24 + 7 + 27 + 12 + 17) + (24 + 14 + 12);
    long forward = 32 * layer + 24 + 7;
    long strict = forward + (68 + 17) + (16 + 1 + 1);
    long handedOn = forward + 3 + 1 + (34 + 3) + (17 + 1);
    assertThat(facts.path("opaque_depth_prompt").intValue()).isEqualTo(128);
    assertThat(facts.path("opaque_depth_length").intValue()).isEqualTo(384);
    assertThat(facts.path("opaque_depth_steps").intValue()).isEqualTo(64);
    assertThat(facts.path("opaque_depth_forward").longValue()).isEqualTo(forward);
    assertThat(facts.path("opaque_depth_strict").longValue()).isEqualTo(strict);
    assertThat(facts.path("opaque_depth_cached").longValue()).isEqualTo(strict);
    assertThat(facts.path("opaque_depth_soft").longValue()).isEqualTo(63 * handedOn + strict);
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"gen_length\":100,\"block_length\":32} | gen_length 100 is not a multiple of block_length 32",
        "{\"gen_length\":4000} | gen_length 4000 and a prompt of 128 tokens are more than the 4096",
      })
  void optionsThatNoGenerationTakesHaveNoDepth(String recommended, String why) throws IOException {
    config("llada-8b");
    Files.writeString(folder.resolve("generation_config.json"), recommended);
    Outcome outcome = Outcome.of("inspect", folder.toString());
    assertThat(outcome.code()).isZero();
    assertThat(outcome.out()).contains("opaque depth               none: " + why);
  }

  private JsonNode config(String name) throws IOException {
    Path file = folder.resolve("config.json");
    Files.copy(CONFIGS.resolve(name + ".json"), file);
    return MAPPER.readTree(file.toFile());
  }
}
