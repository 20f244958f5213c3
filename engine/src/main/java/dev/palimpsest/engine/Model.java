package dev.palimpsest.engine;

import dev.palimpsest.bindings.onednn.OneDnn;
import dev.palimpsest.engine.checkpoint.Checkpoint;
import dev.palimpsest.engine.checkpoint.CheckpointException;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.engine.forward.Transformer;
import dev.palimpsest.engine.model.Families;
import dev.palimpsest.engine.model.GenerationConfig;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.engine.model.UnsupportedModelException;
import dev.palimpsest.engine.text.ChatTemplate;
import dev.palimpsest.engine.text.Conversation;
import dev.palimpsest.engine.text.Tokenizer;
import dev.palimpsest.step.Draw;
import dev.palimpsest.step.Query;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.function.DoubleConsumer;
import java.util.stream.IntStream;

/**
 * A model ready to run: its weights on a backend, its tokenizer, and what its folder says of both.
 *
 * @param spec the transformer
 * @param transformer runs it
 * @param tokenizer of its texts
 * @param chatTemplate wraps a user's text, if the model has one
 * @param generationConfig the sampler options it recommends
 * @param notices what its folder says that is not heeded, a sentence each
 */
public record Model(
    ModelSpec spec,
    Transformer transformer,
    Tokenizer tokenizer,
    Optional<ChatTemplate> chatTemplate,
    GenerationConfig generationConfig,
    List<String> notices)
    implements AutoCloseable {
  private static final long SMALL = 100_000_000;
  private static final int WARM_UP_TOKENS = 24;
  private static final String END_OF_TURN = "<|eot_id|>";
  private static final String QWEN_END_OF_TURN = "<|im_end|>";
  private static final String A2D_MASK = "<|mask|>";

  /**
   * Loads the model in {@code folder} onto the host.
   *
   * @param threads that work on an operation
   * @param progress is told the share of the weights that is loaded, from 0 to 1
   * @throws dev.palimpsest.engine.checkpoint.CheckpointException if a file is missing or malformed
   * @throws dev.palimpsest.engine.model.UnsupportedModelException if the engine cannot run it
   */
  public static Model load(Path folder, Precision precision, int threads, DoubleConsumer progress) {
    return load(folder, LoadOptions.on(Compute.onHost(precision, threads)).withProgress(progress));
  }

  /**
   * Loads the model in {@code folder}. Text and weights are loaded side by side.
   *
   * @throws dev.palimpsest.engine.checkpoint.CheckpointException if a file is missing or malformed
   * @throws dev.palimpsest.engine.model.UnsupportedModelException if the engine cannot run it
   * @throws dev.palimpsest.engine.device.DeviceException if the device cannot run the model, or the
   *     JVM lacks a flag that is needed
   */
  public static Model load(Path folder, LoadOptions options) {
    JvmFlags.require();
    FutureTask<Text> text = new FutureTask<>(() -> Text.open(folder));
    Thread.ofPlatform().daemon().name("palimpsest-text").start(text);
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      Set<String> notices = new LinkedHashSet<>();
      ModelSpec published = Families.spec(checkpoint.config(), notices::add);
      GenerationConfig generationConfig = GenerationConfig.read(folder, published, notices::add);
      checkpoint.tellOfBuffers(notices::add);
      ModelSpec spec = published.recommended(generationConfig, options.blocks());
      if (spec.mayBeInBlocks()) {
        notices.add(
            "config.json does not say whether this %s model was trained over whole canvases (mdlm) or in blocks (bd3lm): it runs over whole canvases; --sampler block --after-prompt runs it in blocks."
                .formatted(spec.family()));
      }
      Transformer transformer =
          Transformer.load(
              checkpoint, spec, options.compute().open(spec, options.notice()), options.progress());
      boolean loaded = false;
      try {
        if (options.warmUp() && spec.parameters() < SMALL && !text.isDone()) {
          transformer.predict(List.of(masks(spec)));
        }
        Text texts = text.get();
        requireMask(spec, texts.tokenizer());
        notices.addAll(texts.notices());
        loaded = true;
        return new Model(
            spec,
            transformer,
            texts.tokenizer(),
            texts.chatTemplate(),
            generationConfig,
            List.copyOf(notices));
      } finally {
        if (!loaded) {
          transformer.close();
        }
      }
    } catch (ExecutionException e) {
      throw e.getCause() instanceof RuntimeException cause ? cause : new IllegalStateException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CancellationException("loading " + folder + " was interrupted");
    } catch (RuntimeException e) {
      closeTokenizer(text);
      throw e;
    }
  }

  /**
   * Loads what every model needs: the libraries of matrix products and of tokenizers. Nothing
   * depends on it; on a thread of its own, while options are read, it makes a start shorter.
   */
  public static void prepare() {
    boolean _ = OneDnn.isAvailable();
    boolean _ = Tokenizer.prepare();
  }

  /** An A2D configuration may not name the mask that dllm has added to the tokenizer. */
  private static void requireMask(ModelSpec spec, Tokenizer tokenizer) {
    OptionalInt named = spec.isA2d() ? tokenizer.id(A2D_MASK) : OptionalInt.empty();
    if (named.isPresent() && named.getAsInt() != spec.maskId()) {
      throw new UnsupportedModelException(
          "the tokenizer's %s is id %d, and the model would run with %d: name it as mask_token_id in config.json."
              .formatted(A2D_MASK, named.getAsInt(), spec.maskId()));
    }
  }

  private static Query masks(ModelSpec spec) {
    int[] tokens = new int[Math.min(WARM_UP_TOKENS, spec.maxLength())];
    Arrays.fill(tokens, spec.reading().ids().mask().orElse(0));
    int[] rows = IntStream.range(0, tokens.length).toArray();
    return new Query(tokens, 0, rows, 0, Draw.GREEDY, Optional.empty());
  }

  private static void closeTokenizer(FutureTask<Text> text) {
    try {
      text.get().tokenizer().close();
    } catch (ExecutionException e) {
      // It never opened; what failed first is what gets reported.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** What turns texts into ids and back. */
  private record Text(
      Tokenizer tokenizer, Optional<ChatTemplate> chatTemplate, List<String> notices) {
    static Text open(Path folder) {
      // The template first: a tokenizer would have to be closed again.
      Optional<ChatTemplate> chatTemplate = ChatTemplate.open(folder);
      List<String> notices = new ArrayList<>();
      return new Text(Tokenizer.open(folder, notices::add), chatTemplate, notices);
    }
  }

  /** The ids of a user's text, in which control tokens are read as the text that they spell. */
  public int[] prompt(String text) {
    return prompt(text, false);
  }

  /**
   * The ids of a user's text: in the chat template if there is one, else as a text that stands
   * alone, with what the tokenizer puts before and after it. An empty text without a template, or
   * in one, asks for nothing: it has the ids of a text that stands alone.
   *
   * @param parsesSpecial whether control tokens that are written in the text are such
   */
  public int[] prompt(String text, boolean parsesSpecial) {
    return isInTemplate(text)
        ? prompt(Conversation.ofUser(text), parsesSpecial)
        : tokenizer.encodeAlone(alone(text, parsesSpecial));
  }

  /**
   * The ids of a conversation.
   *
   * @param parsesSpecial whether control tokens that are written in its messages are such
   * @throws dev.palimpsest.engine.checkpoint.CheckpointException if the model has no chat template,
   *     or that fails
   */
  public int[] prompt(Conversation conversation, boolean parsesSpecial) {
    return tokenizer.encode(wrapped(conversation, parsesSpecial));
  }

  private boolean isInTemplate(String text) {
    return chatTemplate.isPresent() && !text.isEmpty();
  }

  private String alone(String text, boolean parsesSpecial) {
    return parsesSpecial ? text : tokenizer.literal(text);
  }

  private String wrapped(Conversation conversation, boolean parsesSpecial) {
    String rendered =
        chatTemplate
            .orElseThrow(
                () ->
                    new CheckpointException(
                        "the model has no chat template, so it takes a prompt alone: no system"
                            + " message, no conversation and no template variables."))
            .render(parsesSpecial ? conversation : conversation.map(tokenizer::literal), true);
    return tokenizer.splitsSpecialTokens() && !parsesSpecial
        ? tokenizer.literal(rendered)
        : rendered;
  }

  /** Words of a user's text that the tokenizer does not know, where it has an unknown token. */
  public List<String> unknownWords(String text, boolean parsesSpecial) {
    return isInTemplate(text)
        ? unknownWords(Conversation.ofUser(text), parsesSpecial)
        : tokenizer.unknownWords(alone(text, parsesSpecial));
  }

  /** Words of a conversation that the tokenizer does not know. */
  public List<String> unknownWords(Conversation conversation, boolean parsesSpecial) {
    return tokenizer.unknownWords(wrapped(conversation, parsesSpecial));
  }

  /**
   * The id that ends a turn, if the tokenizer has LLaDA's {@code <|eot_id|>}, or, of an A2D model,
   * Qwen's {@code <|im_end|>}: dllm's samplers end with the tokenizer's end, which no configuration
   * names.
   */
  public OptionalInt endOfTurn() {
    return tokenizer.id(spec.isA2d() ? QWEN_END_OF_TURN : END_OF_TURN);
  }

  @Override
  public void close() {
    tokenizer.close();
    transformer.close();
  }
}
