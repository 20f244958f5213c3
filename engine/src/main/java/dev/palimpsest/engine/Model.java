package dev.palimpsest.engine;

import dev.palimpsest.engine.backend.Precision;
import dev.palimpsest.engine.backend.host.HostBackend;
import dev.palimpsest.engine.checkpoint.Checkpoint;
import dev.palimpsest.engine.forward.Transformer;
import dev.palimpsest.engine.model.GenerationConfig;
import dev.palimpsest.engine.model.LladaFamily;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.engine.text.ChatTemplate;
import dev.palimpsest.engine.text.Tokenizer;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.DoubleConsumer;

/**
 * A model ready to run: its weights on a backend, its tokenizer, and what its folder says of both.
 *
 * @param spec the transformer
 * @param transformer runs it
 * @param tokenizer of its texts
 * @param chatTemplate wraps a user's text, if the model has one
 * @param generationConfig the sampler options it recommends
 */
public record Model(
    ModelSpec spec,
    Transformer transformer,
    Tokenizer tokenizer,
    Optional<ChatTemplate> chatTemplate,
    GenerationConfig generationConfig)
    implements AutoCloseable {
  private static final String END_OF_TURN = "<|eot_id|>";

  /**
   * Loads the model in {@code folder} onto the host.
   *
   * @param threads that work on an operation
   * @param progress is told the share of the weights that is loaded, from 0 to 1
   * @throws dev.palimpsest.engine.checkpoint.CheckpointException if a file is missing or malformed
   * @throws dev.palimpsest.engine.model.UnsupportedModelException if the engine cannot run it
   */
  public static Model load(Path folder, Precision precision, int threads, DoubleConsumer progress) {
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      ModelSpec spec = LladaFamily.spec(checkpoint.config());
      Optional<ChatTemplate> chatTemplate = ChatTemplate.open(folder);
      GenerationConfig generationConfig = GenerationConfig.read(folder);
      Tokenizer tokenizer = Tokenizer.open(folder);
      boolean loaded = false;
      try {
        Transformer transformer =
            Transformer.load(checkpoint, spec, new HostBackend(precision, threads), progress);
        loaded = true;
        return new Model(spec, transformer, tokenizer, chatTemplate, generationConfig);
      } finally {
        if (!loaded) {
          tokenizer.close();
        }
      }
    }
  }

  /** The ids of a user's text: in the chat template if there is one, else as it is. */
  public int[] prompt(String text) {
    return tokenizer.encode(
        chatTemplate
            .map(template -> template.render(List.of(new ChatTemplate.Message("user", text)), true))
            .orElse(text));
  }

  /** The id that ends a turn, if the tokenizer has LLaDA's {@code <|eot_id|>}. */
  public OptionalInt endOfTurn() {
    return tokenizer.id(END_OF_TURN);
  }

  @Override
  public void close() {
    tokenizer.close();
    transformer.close();
  }
}
