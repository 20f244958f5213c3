package dev.palimpsest.api;

import dev.palimpsest.engine.Compute;
import dev.palimpsest.engine.LoadOptions;
import dev.palimpsest.engine.Model;
import dev.palimpsest.engine.text.Conversation;
import dev.palimpsest.sampler.canvas.SnapshotListener;
import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.sampler.method.ModelLimits;
import dev.palimpsest.sampler.method.SamplingOptions;
import dev.palimpsest.sampler.run.Driver;
import dev.palimpsest.sampler.run.Generation;
import dev.palimpsest.sampler.run.Generator;
import dev.palimpsest.sampler.run.Request;
import dev.palimpsest.step.Denoiser;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A model and the samplers that fit it: texts from prompts. Options have the names of the reference
 * implementations, as {@code gen_length}; {@code sampler} names another sampler than the one the
 * model was published with. What is not given, the checkpoint recommends.
 *
 * <p>One thread at a time may use it.
 */
public final class LanguageModel implements AutoCloseable {
  private final Model model;
  private final ModelLimits limits;
  private final SpecialTokens specials;

  private LanguageModel(Model model) {
    this.model = model;
    limits = ModelTraits.limits(model.spec());
    specials = ModelTraits.specials(model.spec(), model.endOfTurn());
  }

  /**
   * Loads a checkpoint onto the GPU, if there is one that can run it, or else onto the host with
   * all its processors.
   *
   * @throws dev.palimpsest.engine.checkpoint.CheckpointException if a file is missing or malformed
   * @throws dev.palimpsest.engine.model.UnsupportedModelException if the engine cannot run it
   * @throws dev.palimpsest.engine.device.DeviceException if the JVM lacks a flag that is needed
   */
  public static LanguageModel load(Path folder) {
    return load(folder, LoadOptions.on(Compute.automatic()));
  }

  /** Loads a checkpoint as above, as it is asked for. */
  public static LanguageModel load(Path folder, LoadOptions options) {
    return of(Model.load(folder, options));
  }

  /** Takes over a loaded model, and closes it when it is closed. */
  public static LanguageModel of(Model model) {
    return new LanguageModel(model);
  }

  /**
   * Writes one text.
   *
   * @throws dev.palimpsest.sampler.method.InvalidOptionException if an option is wrong, or the
   *     model cannot take the prompt
   */
  public Text generate(String prompt, Map<String, ?> options) {
    return generate(prompt, options, SnapshotListener.NONE);
  }

  /**
   * As above, with every step shown to a listener when it is done.
   *
   * @param listener is called on the thread that generates, which waits for it
   */
  public Text generate(String prompt, Map<String, ?> options, SnapshotListener listener) {
    int[] ids = model.prompt(prompt);
    return text(generator().generate(ids, options(options, ids.length), listener));
  }

  /**
   * Writes many texts together; each is what it would be alone.
   *
   * @return in the order of the prompts
   */
  public List<Text> generateAll(List<String> prompts, Map<String, ?> options) {
    Generator generator = generator();
    List<Request> requests = new ArrayList<>(prompts.size());
    for (String prompt : prompts) {
      int[] ids = model.prompt(prompt);
      requests.add(generator.request(ids, options(options, ids.length), SnapshotListener.NONE));
    }
    return generator.generateAll(requests, Driver.UNLIMITED).stream().map(this::text).toList();
  }

  /**
   * Complete options: what is not given, the checkpoint recommends, and then the sampler.
   *
   * @param given by their reference names, and {@code sampler}
   * @param longestPrompt in tokens; a model that decodes has room for a text behind it
   * @throws dev.palimpsest.sampler.method.InvalidOptionException if something given is wrong
   */
  public SamplingOptions options(Map<String, ?> given, int longestPrompt) {
    return SamplerDefaults.complete(given, model.spec(), model.generationConfig(), longestPrompt);
  }

  /**
   * A request of one text, for a {@link Driver} of the caller's own.
   *
   * @throws dev.palimpsest.sampler.method.InvalidOptionException if an option is wrong, or the
   *     model cannot take the prompt
   * @throws dev.palimpsest.engine.checkpoint.CheckpointException if the prompt is a conversation
   *     and the model has no chat template
   */
  public Request request(Prompt prompt, Map<String, ?> options, SnapshotListener listener) {
    int[] ids = ids(prompt);
    return generator().request(ids, options(options, ids.length), listener);
  }

  /**
   * The ids of a prompt.
   *
   * @throws dev.palimpsest.engine.checkpoint.CheckpointException if the prompt is a conversation
   *     and the model has no chat template
   */
  public int[] ids(Prompt prompt) {
    return switch (prompt) {
      case Prompt.Text(String text) -> model.prompt(text);
      case Prompt.Chat(Conversation conversation) -> model.prompt(conversation, false);
      case Prompt.Ids ids -> ids.ids();
    };
  }

  /** A generator over the model, for runs and drivers of the caller's own. */
  public Generator generator() {
    return generator(model.transformer());
  }

  /**
   * A generator over a denoiser around the model, for instance one that counts its forwards or
   * names alternatives.
   *
   * @param denoiser answers as the model does
   */
  public Generator generator(Denoiser denoiser) {
    return new Generator(denoiser, limits, specials);
  }

  /** The loaded model that writes the texts. */
  public Model model() {
    return model;
  }

  /** What the model can take. */
  public ModelLimits limits() {
    return limits;
  }

  /** The ids that mean something to a sampler. */
  public SpecialTokens specials() {
    return specials;
  }

  /** The text of a generation. */
  public Text text(Generation generation) {
    return new Text(model.tokenizer().decode(generation.tokens(), true), generation);
  }

  @Override
  public void close() {
    model.close();
  }

  /**
   * A text.
   *
   * @param text without what ends it
   * @param generation its ids and its cost
   */
  public record Text(String text, Generation generation) {
    /**
     * Why it ends where it does: {@code stop} before a stop id, {@code length} at the end of the
     * canvas, {@code cancelled} if the run was stopped.
     */
    public String finishReason() {
      return generation.stopped() ? "stop" : generation.complete() ? "length" : "cancelled";
    }
  }
}
