package dev.palimpsest.app.options;

import dev.palimpsest.app.file.ConversationJson;
import dev.palimpsest.app.terminal.Notices;
import dev.palimpsest.app.terminal.Terminal;
import dev.palimpsest.engine.checkpoint.CheckpointException;
import dev.palimpsest.engine.text.Conversation;
import dev.palimpsest.engine.text.TextFile;
import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** What the model is to answer: a text, and the conversation that it ends. */
public final class PromptOptions {
  private static final String STANDARD_INPUT = "-";
  private static final JsonMapper JSON =
      JsonMapper.builder().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  @Parameters(
      paramLabel = "PROMPT",
      arity = "0..1",
      description =
          "The prompt, taken as it is; - or nothing reads it from standard input, without its last"
              + " line end. Behind -- it may begin with a dash.")
  private Optional<String> prompt;

  @Option(
      names = "--prompt-file",
      paramLabel = "FILE",
      description = "Read the prompt from FILE, without its last line end; - is standard input.")
  private Optional<String> promptFile;

  @Option(
      names = "--system",
      paramLabel = "TEXT",
      description = "The system message, for models with a chat template.")
  private Optional<String> system;

  @Option(
      names = "--messages",
      paramLabel = "FILE",
      description =
          "The conversation so far, as JSON: a list of messages with \"role\" and \"content\", or"
              + " an object with \"messages\" and perhaps \"tools\". A prompt follows it.")
  private Optional<Path> messagesFile;

  @Option(
      names = "--template-var",
      paramLabel = "NAME=VALUE",
      description =
          "A variable of the chat template, as enable_thinking=false: JSON, or else a text. May be"
              + " given more than once.")
  private Map<String, String> variables = Map.of();

  /** A conversation that ends with the text to answer. */
  public record Prompt(String text, Conversation conversation, boolean needsTemplate) {}

  /** The files that it is read from. */
  public List<Path> files() {
    return Stream.concat(
            promptFile.filter(name -> !name.equals(STANDARD_INPUT)).map(Path::of).stream(),
            messagesFile.stream())
        .toList();
  }

  /** What was asked for, read in full. */
  public Prompt read() throws IOException {
    Map<String, @Nullable Object> given = new LinkedHashMap<>();
    variables.forEach((name, value) -> given.put(name, value(name, value)));
    List<Map<String, @Nullable Object>> messages = new ArrayList<>();
    if (messagesFile.isPresent()) {
      history(messagesFile.get(), messages, given);
    }
    system.ifPresent(text -> addSystem(text, messages));
    Optional<String> text = text();
    text.ifPresent(each -> messages.add(message("user", each)));
    Map<String, @Nullable Object> last = messages.getLast();
    if ("assistant".equals(last.get("role"))) {
      throw wrong("the conversation ends with the assistant's message: give a prompt that follows");
    }
    return new Prompt(
        text.orElseGet(() -> last.get("content") instanceof String content ? content : ""),
        new Conversation(messages, given),
        system.isPresent() || messagesFile.isPresent() || !variables.isEmpty());
  }

  private void addSystem(String text, List<Map<String, @Nullable Object>> messages) {
    if (!messages.isEmpty() && "system".equals(messages.getFirst().get("role"))) {
      throw wrong("--system: " + messagesFile.orElseThrow() + " has a system message of its own");
    }
    messages.addFirst(message("system", text));
  }

  private static Map<String, @Nullable Object> message(String role, String content) {
    return new LinkedHashMap<>(Conversation.message(role, content));
  }

  private Optional<String> text() throws IOException {
    if (prompt.isPresent() && promptFile.isPresent()) {
      throw wrong("PROMPT and --prompt-file exclude each other");
    }
    if (promptFile.isPresent() && !promptFile.get().equals(STANDARD_INPUT)) {
      return Optional.of(withoutLastLineEnd(TextFile.read(Path.of(promptFile.get()))));
    }
    if (prompt.isPresent() && !prompt.get().equals(STANDARD_INPUT)) {
      hintAtFile(prompt.get());
      return prompt;
    }
    boolean asked = prompt.isPresent() || promptFile.isPresent();
    if (!asked && messagesFile.isPresent()) {
      return Optional.empty();
    }
    if (!asked && Terminal.isStandardInput()) {
      throw wrong("no prompt: give one as an argument, with --prompt-file or on standard input");
    }
    if (Terminal.isStandardInput()) {
      Notices.say("type the prompt, then a line end and Ctrl-D");
    }
    String read = TextFile.decode(System.in.readAllBytes(), "standard input");
    if (!asked && read.isEmpty()) {
      throw wrong(
          "no prompt: standard input is empty; '' as an argument writes a text from nothing");
    }
    return Optional.of(withoutLastLineEnd(read));
  }

  /** Elsewhere an @ before a name often means the file. */
  private static void hintAtFile(String text) {
    String name = text.startsWith("@") ? text.substring(1) : "";
    if (!name.isBlank() && new File(name).isFile()) {
      Notices.say(
          "the prompt is the text '%s': --prompt-file %s reads the file".formatted(text, name));
    }
  }

  private static String withoutLastLineEnd(String text) {
    return text.endsWith("\r\n")
        ? text.substring(0, text.length() - 2)
        : text.endsWith("\n") ? text.substring(0, text.length() - 1) : text;
  }

  private @Nullable Object value(String name, String value) {
    if (name.equals("messages")) {
      throw wrong("--template-var messages: the messages are those of --messages and the prompt");
    }
    return switch (value) {
      case "True" -> true;
      case "False" -> false;
      case "None" -> null;
      default -> {
        try {
          yield JSON.readValue(value, Object.class);
        } catch (JacksonException e) {
          yield value;
        }
      }
    };
  }

  private static void history(
      Path file,
      List<Map<String, @Nullable Object>> messages,
      Map<String, @Nullable Object> variables)
      throws IOException {
    JsonNode json;
    try {
      json = JSON.readTree(TextFile.read(file));
    } catch (JacksonException e) {
      throw new CheckpointException(file + ": it is not JSON: " + e.getOriginalMessage() + ".", e);
    }
    JsonNode list = json.isObject() ? json.path("messages") : json;
    messages.addAll(ConversationJson.messages(list, file.toString()));
    if (json.isObject() && json.has("tools")) {
      variables.putIfAbsent("tools", ConversationJson.value(json.path("tools")));
    }
  }

  private ParameterException wrong(String what) {
    return new ParameterException(spec.commandLine(), what);
  }
}
