package dev.palimpsest.engine.text;

import com.hubspot.jinjava.Jinjava;
import com.hubspot.jinjava.JinjavaConfig;
import com.hubspot.jinjava.LegacyOverrides;
import com.hubspot.jinjava.interpret.Context;
import com.hubspot.jinjava.interpret.Context.Library;
import com.hubspot.jinjava.interpret.RenderResult;
import com.hubspot.jinjava.interpret.TemplateError;
import com.hubspot.jinjava.lib.fn.ELFunctionDefinition;
import com.hubspot.jinjava.loader.ResourceNotFoundException;
import dev.palimpsest.engine.checkpoint.CheckpointException;
import dev.palimpsest.engine.checkpoint.JsonFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;

/**
 * A model's chat template: turns a conversation into the prompt that the model was tuned on.
 *
 * <p>It is Jinja, set as Transformers sets it: {@code trim_blocks}, {@code lstrip_blocks}, no HTML
 * escaping. It reaches no file and no class, and what a message says is never itself a template.
 */
public final class ChatTemplate {
  private static final String CONFIG = "tokenizer_config.json";
  private static final String TEMPLATE = "chat_template.jinja";
  private static final List<String> SPECIAL_TOKENS =
      List.of(
          "bos_token",
          "eos_token",
          "unk_token",
          "sep_token",
          "pad_token",
          "cls_token",
          "mask_token");
  private static final long MAX_OUTPUT_BYTES = 16_000_000;
  private static final Pattern BLOCK = Pattern.compile("(?s)\\{\\{.*?\\}\\}|\\{%.*?%\\}");
  private static final Pattern STRING =
      Pattern.compile("'(?:[^'\\\\]|\\\\.)*+'|\"(?:[^\"\\\\]|\\\\.)*+\"", Pattern.DOTALL);
  private static final Pattern FILTER = Pattern.compile("\\|\\s*([A-Za-z_]\\w*)");
  private static final Pattern TEST = Pattern.compile("\\bis\\s+(?:not\\s+)?([A-Za-z_]\\w*)");

  private final Path source;
  private final String template;
  private final Map<String, String> specialTokens;

  private ChatTemplate(Path source, String template, Map<String, String> specialTokens) {
    this.source = source;
    // Jinja drops one newline at the end of a template.
    this.template =
        template.endsWith("\n") ? template.substring(0, template.length() - 1) : template;
    this.specialTokens = specialTokens;
  }

  /**
   * One turn of a conversation.
   *
   * @param role {@code system}, {@code user} or {@code assistant}, or what else the template knows
   * @param content its text
   */
  public record Message(String role, String content) {}

  /**
   * The template of the model in {@code folder}: {@code chat_template.jinja}, or {@code
   * chat_template} in {@code tokenizer_config.json} (a string, or a list of which the one named
   * {@code default} is taken).
   *
   * @return empty if the model has none
   * @throws CheckpointException if a file is malformed
   */
  public static Optional<ChatTemplate> open(Path folder) {
    Path config = folder.resolve(CONFIG);
    Path file = folder.resolve(TEMPLATE);
    Map<String, String> tokens = new HashMap<>();
    Optional<String> template = Optional.empty();
    if (Files.isRegularFile(config)) {
      JsonNode json = JsonFile.readObject(config);
      for (String name : SPECIAL_TOKENS) {
        token(json.path(name)).ifPresent(token -> tokens.put(name, token));
      }
      template = template(config, json.path("chat_template"));
    }
    if (Files.isRegularFile(file)) {
      try {
        return Optional.of(new ChatTemplate(file, Files.readString(file), tokens));
      } catch (IOException e) {
        throw new CheckpointException("%s: cannot be read: %s.".formatted(file, e.getMessage()), e);
      }
    }
    return template.map(text -> new ChatTemplate(config, text, tokens));
  }

  /** Starts the template engine, which takes longer than the rest of a template's life. */
  public static void prepare() {
    String echo = "{% for m in messages %}{{ m['content'] }}{% endfor %}";
    new ChatTemplate(Path.of(CONFIG), echo, Map.of())
        .render(List.of(new Message("user", "")), true);
  }

  private static Optional<String> token(JsonNode token) {
    JsonNode content = token.isObject() ? token.path("content") : token;
    return content.isString() ? Optional.of(content.stringValue()) : Optional.empty();
  }

  private static Optional<String> template(Path config, JsonNode node) {
    if (node.isMissingNode() || node.isNull()) {
      return Optional.empty();
    }
    if (node.isString()) {
      return Optional.of(node.stringValue());
    }
    for (JsonNode named : node.values()) {
      if (named.path("name").asString("").equals("default") && named.path("template").isString()) {
        return Optional.of(named.path("template").stringValue());
      }
    }
    throw new CheckpointException(
        config + ": chat_template is neither a string nor a list with a template named default.");
  }

  /**
   * The prompt for a conversation.
   *
   * @param addGenerationPrompt whether it ends with the beginning of the assistant's answer
   * @throws CheckpointException if the template fails
   */
  public String render(List<Message> messages, boolean addGenerationPrompt) {
    List<Map<String, Object>> turns = new ArrayList<>();
    for (Message message : messages) {
      turns.add(Map.of("role", message.role(), "content", message.content()));
    }
    requireKnownNames();
    Map<String, Object> variables = new HashMap<>(specialTokens);
    variables.put("messages", turns);
    variables.put("add_generation_prompt", addGenerationPrompt);
    RenderResult result;
    try {
      result = Engine.JINJAVA.renderForResult(template, variables);
    } catch (RuntimeException e) {
      throw new CheckpointException(
          "%s: the chat template fails: %s.".formatted(source, e.getMessage()), e);
    }
    for (TemplateError error : result.getErrors()) {
      if (error.getSeverity() == TemplateError.ErrorType.FATAL) {
        throw new CheckpointException(
            "%s: the chat template fails: %s.".formatted(source, reason(error)));
      }
    }
    return result.getOutput();
  }

  /** The template's own words where it refuses a conversation, else Jinja's. */
  private static String reason(TemplateError error) {
    for (Throwable cause = error.getException(); cause != null; cause = cause.getCause()) {
      if (cause instanceof Refusal) {
        return String.valueOf(cause.getMessage());
      }
    }
    return error.getMessage();
  }

  /** Jinjava renders an unknown filter or test as nothing; a prompt must not lose text silently. */
  private void requireKnownNames() {
    Context context = Engine.JINJAVA.getGlobalContext();
    Matcher blocks = BLOCK.matcher(template);
    while (blocks.find()) {
      String code = STRING.matcher(blocks.group()).replaceAll("''");
      Matcher filters = FILTER.matcher(code);
      while (filters.find()) {
        if (context.getFilter(filters.group(1)) == null) {
          throw lacking("filter", filters.group(1));
        }
      }
      Matcher tests = TEST.matcher(code);
      while (tests.find()) {
        if (context.getExpTest(tests.group(1)) == null) {
          throw lacking("test", tests.group(1));
        }
      }
    }
  }

  private CheckpointException lacking(String what, String name) {
    return new CheckpointException(
        "%s: the chat template uses the %s \"%s\", which the engine's Jinja lacks."
            .formatted(source, what, name));
  }

  /** Made on first use: starting Jinjava takes longer than everything else about a template. */
  private static final class Engine {
    static final Jinjava JINJAVA = start();

    private static Jinjava start() {
      Jinjava jinjava =
          new Jinjava(
              JinjavaConfig.newBuilder()
                  .withTrimBlocks(true)
                  .withLstripBlocks(true)
                  .withNestedInterpretationEnabled(false)
                  .withLegacyOverrides(
                      LegacyOverrides.Builder.from(LegacyOverrides.ALL)
                          .withWhitespaceRequiredWithinTokens(false)
                          .build())
                  .withMaxOutputSize(MAX_OUTPUT_BYTES)
                  .withDisabled(Map.of(Library.TAG, Set.of("include", "import", "from", "extends")))
                  .build());
      jinjava.setResourceLocator(
          (name, encoding, interpreter) -> {
            throw new ResourceNotFoundException("a chat template reads no files");
          });
      jinjava.registerFunction(
          new ELFunctionDefinition(
              "", "raise_exception", Functions.class, "raiseException", String.class));
      return jinjava;
    }
  }

  private static final class Refusal extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Refusal(String message) {
      super(message);
    }
  }

  /** What templates may call; public only because Jinja calls by reflection. */
  public static final class Functions {
    private Functions() {}

    /** Transformers' {@code raise_exception}: a template's way to refuse a conversation. */
    public static String raiseException(String message) {
      throw new Refusal(message);
    }
  }
}
