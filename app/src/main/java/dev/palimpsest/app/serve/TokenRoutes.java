package dev.palimpsest.app.serve;

import dev.palimpsest.api.Prompt;
import dev.palimpsest.app.openai.ChatRequest;
import dev.palimpsest.app.openai.Fields;
import dev.palimpsest.app.openai.RequestException;
import dev.palimpsest.engine.checkpoint.JsonFile;
import dev.palimpsest.engine.text.TextFile;
import dev.palimpsest.sampler.canvas.SpecialTokens;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** {@code /tokenize}, {@code /detokenize} and {@code /tokenizer_info}, as vLLM has them. */
record TokenRoutes(Served served, Path modelFolder) {

  /** Here control tokens that a text spells are such: this is how a client gets their ids. */
  void tokenize(Exchange exchange) throws IOException {
    Fields fields = exchange.fields();
    served.requireNamed(fields.text("model"));
    boolean special = fields.flag("add_special_tokens", true);
    int[] tokens =
        fields
            .text("prompt")
            .map(
                text ->
                    Served.encoded(
                        "prompt",
                        () ->
                            special
                                ? served.tokenizer().encodeAlone(text)
                                : served.tokenizer().encode(text)))
            .orElseGet(() -> conversation(fields));
    fields.requireAllKnown();
    ObjectNode body =
        JsonNodeFactory.instance
            .objectNode()
            .put("count", tokens.length)
            .put("max_model_len", served.language().limits().maxLength());
    ArrayNode ids = body.putArray("tokens");
    ArrayNode texts = body.putArray("token_strs");
    for (int token : tokens) {
      ids.add(token);
      texts.add(served.piece(token));
    }
    exchange.send(200, body);
  }

  private int[] conversation(Fields fields) {
    if (fields.value("messages").isEmpty()) {
      throw RequestException.wrong("prompt", "prompt is missing: use a string, or messages.");
    }
    return served.ids(new Prompt.Chat(ChatRequest.conversation(fields)));
  }

  void detokenize(Exchange exchange) throws IOException {
    Fields fields = exchange.fields();
    served.requireNamed(fields.text("model"));
    int[] tokens = fields.ids("tokens");
    fields.requireAllKnown();
    exchange.send(
        200,
        JsonNodeFactory.instance
            .objectNode()
            .put("prompt", served.tokenizer().decode(tokens, false)));
  }

  void info(Exchange exchange) throws IOException {
    Path config = modelFolder.resolve("tokenizer_config.json");
    ObjectNode info = JsonNodeFactory.instance.objectNode();
    if (Files.isRegularFile(config)) {
      JsonFile.readObject(config)
          .properties()
          .forEach(field -> info.set(field.getKey(), field.getValue()));
    }
    Path template = modelFolder.resolve("chat_template.jinja");
    if (Files.isRegularFile(template)) {
      info.put("chat_template", TextFile.read(template));
    }
    SpecialTokens specials = served.language().specials();
    if (!info.hasNonNull("eos_token") && specials.hasEos()) {
      info.put("eos_token", served.piece(specials.eosId()));
    }
    exchange.send(200, info);
  }
}
