package dev.palimpsest.app.serve;

import dev.palimpsest.api.LanguageModel;
import dev.palimpsest.api.Prompt;
import dev.palimpsest.app.openai.CompletionRequest;
import dev.palimpsest.app.openai.GenerationParameters;
import dev.palimpsest.app.openai.Reply;
import dev.palimpsest.app.openai.RequestException;
import dev.palimpsest.app.terminal.Cli;
import dev.palimpsest.engine.checkpoint.CheckpointException;
import dev.palimpsest.engine.text.Tokenizer;
import dev.palimpsest.sampler.method.InvalidOptionException;
import dev.palimpsest.sampler.method.SamplingOptions;
import dev.palimpsest.sampler.run.Generator;
import dev.palimpsest.sampler.run.Run;
import java.security.SecureRandom;
import java.time.Instant;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * The model that is served, as the threads of requests may use it: for its texts and its options,
 * never for a forward.
 */
final class Served {
  private static final int ID_BYTES = 12;

  private final LanguageModel language;
  private final Generator generator;
  private final List<String> names;
  private final Limits limits;
  private final Instant since = Instant.now();
  private final SecureRandom random = new SecureRandom();
  private final ConcurrentMap<Integer, String> pieces = new ConcurrentHashMap<>();

  /**
   * A model.
   *
   * @param names that requests may ask for it by; answers have the first
   */
  Served(LanguageModel language, List<String> names, Limits limits) {
    this.language = language;
    this.generator = language.generator();
    this.names = List.copyOf(names);
    this.limits = limits;
  }

  LanguageModel language() {
    return language;
  }

  Tokenizer tokenizer() {
    return language.model().tokenizer();
  }

  Limits limits() {
    return limits;
  }

  String name() {
    return names.getFirst();
  }

  List<String> names() {
    return names;
  }

  /** Since when it is served. */
  Instant since() {
    return since;
  }

  /** What an id adds to a text. */
  String piece(int id) {
    return pieces.computeIfAbsent(id, tokenizer()::piece);
  }

  /** The bodies of an answer. */
  Reply reply(Reply.Form form) {
    return new Reply(
        form, id(form.prefix()), Instant.now().getEpochSecond(), name(), fingerprint());
  }

  /** A new id. */
  String id(String prefix) {
    byte[] bytes = new byte[ID_BYTES];
    random.nextBytes(bytes);
    return prefix + HexFormat.of().formatHex(bytes);
  }

  private String fingerprint() {
    return "palimpsest-" + Cli.VERSION + "-" + language.model().transformer().arithmetic();
  }

  /**
   * Checks that it is this model that is asked for.
   *
   * @throws RequestException if it is not
   */
  void requireNamed(Optional<String> asked) {
    if (asked.isPresent() && !names.contains(asked.get())) {
      throw ServiceErrors.noModel(asked.get(), name());
    }
  }

  /**
   * Checks the number of texts that a request asks for, before anything is made for them.
   *
   * @throws RequestException if they could never be taken together
   */
  void requireRoomFor(long texts) {
    long room = (long) limits.running() + limits.waiting();
    if (texts > room) {
      throw RequestException.malformed(
          "The request asks for %d texts at once, and the server takes %d: send fewer."
              .formatted(texts, room));
    }
  }

  /**
   * The ids of a conversation.
   *
   * @throws RequestException if the model has no chat template, or that refuses it
   */
  int[] ids(Prompt.Chat conversation) {
    if (language.model().chatTemplate().isEmpty()) {
      throw RequestException.wrong(
          "messages",
          "messages need a chat template, and the model has none: use /v1/completions.");
    }
    return encoded("messages", () -> language.ids(conversation));
  }

  /**
   * The ids of a prompt.
   *
   * @throws RequestException if the tokenizer cannot take it
   */
  int[] ids(CompletionRequest request, CompletionRequest.RawPrompt prompt) {
    return encoded("prompt", () -> request.ids(prompt, tokenizer()));
  }

  /** What a source of ids gives; what it throws is said of a parameter. */
  static int[] encoded(String param, Supplier<int[]> source) {
    try {
      return source.get();
    } catch (CheckpointException e) {
      // Its own words name files of the server.
      String why = e.getCause() == null ? "" : ": " + e.getCause().getMessage();
      throw RequestException.wrong(
          param, "%s cannot be made tokens of for this model%s.".formatted(param, why));
    }
  }

  /**
   * A run behind a prompt, at its first step.
   *
   * @param text which of the prompt's texts it writes, from 0
   * @throws RequestException if an option is wrong, or the model cannot take it
   */
  Run run(int[] prompt, GenerationParameters parameters, int text) {
    return run(
        parameters,
        _ -> {
          SamplingOptions options = language.options(parameters.options(text), prompt.length);
          requireWithinLimits(options, parameters);
          return generator.run(prompt, options);
        });
  }

  /** A run that is made with the generator; what is refused is said in the request's words. */
  Run run(GenerationParameters parameters, Function<Generator, Run> made) {
    try {
      return made.apply(generator);
    } catch (InvalidOptionException e) {
      throw parameters.refused(e);
    } catch (IllegalArgumentException | ArithmeticException e) {
      throw RequestException.malformed(String.valueOf(e.getMessage()));
    }
  }

  /** Checks that a text is not longer than the server takes. */
  void requireWithinLimits(SamplingOptions options, GenerationParameters parameters) {
    if (options.genLength() > limits.genLength()) {
      String name = parameters.spelled("gen_length");
      throw RequestException.wrong(
          name,
          "%s %d is more than the %d that this server takes: use up to %3$d."
              .formatted(name, options.genLength(), limits.genLength()));
    }
  }
}
