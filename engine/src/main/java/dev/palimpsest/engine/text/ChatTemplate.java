package dev.palimpsest.engine.text;

import dev.palimpsest.engine.checkpoint.CheckpointException;
import dev.palimpsest.engine.checkpoint.JsonFile;
import dev.palimpsest.jinja.JinjaException;
import dev.palimpsest.jinja.JinjaTemplate;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
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
  private static final int LONGEST = 16_000_000;

  private final Path source;
  private final String text;
  private final JinjaTemplate template;
  private final Map<String, String> specialTokens;

  private ChatTemplate(Path source, String template, Map<String, String> specialTokens) {
    this.source = source;
    this.text = template;
    this.specialTokens = specialTokens;
    try {
      this.template = new JinjaTemplate(template);
    } catch (JinjaException e) {
      throw new CheckpointException(
          "%s: the chat template cannot be read: %s.".formatted(source, e.getMessage()), e);
    }
  }

  /**
   * The template of the model in {@code folder}: {@code chat_template.jinja}, or {@code
   * chat_template} in {@code tokenizer_config.json} (a string, or a list of which the one named
   * {@code default} is taken).
   *
   * @return empty if the model has none
   * @throws CheckpointException if a file is malformed, or the template uses what the engine lacks
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
        return Optional.of(new ChatTemplate(file, TextFile.read(file), tokens));
      } catch (IOException e) {
        throw new CheckpointException("%s: cannot be read: %s.".formatted(file, e.getMessage()), e);
      }
    }
    return template.map(text -> new ChatTemplate(config, text, tokens));
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

  /** Whether the template has this name in it, and so may use a variable of it. */
  public boolean mentions(String name) {
    return Pattern.compile("\\b" + Pattern.quote(name) + "\\b").matcher(text).find();
  }

  /**
   * The prompt for a conversation.
   *
   * @param addGenerationPrompt whether it ends with the beginning of the assistant's answer, unless
   *     a variable of the conversation says otherwise
   * @throws CheckpointException if the template fails
   */
  public String render(Conversation conversation, boolean addGenerationPrompt) {
    Map<String, @Nullable Object> variables = new HashMap<>(specialTokens);
    variables.put("tools", null);
    variables.put("documents", null);
    variables.put("add_generation_prompt", addGenerationPrompt);
    variables.putAll(conversation.variables());
    variables.put("messages", conversation.messages());
    try {
      return template.render(variables, LONGEST);
    } catch (JinjaException e) {
      throw new CheckpointException(
          "%s: the chat template fails: %s.".formatted(source, e.getMessage()), e);
    }
  }
}
