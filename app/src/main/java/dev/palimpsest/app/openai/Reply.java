package dev.palimpsest.app.openai;

import java.util.List;
import java.util.Optional;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * The bodies of one answer: whole, or in chunks of a stream.
 *
 * @param form whose bodies they are
 * @param id of the answer
 * @param created seconds since 1970
 * @param model that is served
 * @param fingerprint what computed it
 */
public record Reply(Form form, String id, long created, String model, String fingerprint) {

  /** The routes whose answers have bodies of their own form. */
  public enum Form {
    /** Messages. */
    CHAT("chat.completion", "chat.completion.chunk", "chatcmpl-"),
    /** Texts; chunks have the form of the whole. */
    COMPLETION("text_completion", "text_completion", "cmpl-");

    private final String whole;
    private final String chunk;
    private final String prefix;

    Form(String whole, String chunk, String prefix) {
      this.whole = whole;
      this.chunk = chunk;
      this.prefix = prefix;
    }

    /** What ids of its answers begin with. */
    public String prefix() {
      return prefix;
    }
  }

  /** The answer as one body. */
  public ObjectNode whole(List<Choice> choices, Usage usage) {
    ObjectNode body = envelope(form.whole);
    ArrayNode all = body.putArray("choices");
    for (Choice each : choices) {
      ObjectNode choice = all.addObject().put("index", each.index());
      if (form == Form.CHAT) {
        choice
            .putObject("message")
            .put("role", "assistant")
            .put("content", each.text())
            .putNull("refusal");
      } else {
        choice.put("text", each.text());
      }
      putLogprobs(choice, each.logprobs(), 0);
      choice.put("finish_reason", each.finishReason());
    }
    usage.putInto(body);
    return body;
  }

  /** The chunk that begins a text, where the form has one. */
  public Optional<ObjectNode> opening(int index) {
    if (form == Form.COMPLETION) {
      return Optional.empty();
    }
    ObjectNode body = chunk();
    choice(body, index).putObject("delta").put("role", "assistant").put("content", "");
    return Optional.of(body);
  }

  /**
   * A chunk that adds to a text.
   *
   * @param added to the text
   * @param logprobs of the tokens that it adds, if they were asked for
   * @param offset where the text that is added begins, in characters
   */
  public ObjectNode delta(
      int index, String added, Optional<List<TokenLogprob>> logprobs, int offset) {
    ObjectNode body = chunk();
    ObjectNode choice = choice(body, index);
    if (form == Form.CHAT) {
      choice.putObject("delta").put("content", added);
    } else {
      choice.put("text", added);
    }
    putLogprobs(choice, logprobs, offset);
    return body;
  }

  /** A chunk that adds nothing to the text, for what else is to be told. */
  public ObjectNode aside(int index) {
    ObjectNode body = chunk();
    empty(choice(body, index));
    return body;
  }

  /** The chunk that ends a text. */
  public ObjectNode closing(int index, String finishReason) {
    ObjectNode body = chunk();
    ObjectNode choice = choice(body, index);
    empty(choice);
    choice.put("finish_reason", finishReason);
    return body;
  }

  /** The chunk that tells the cost, the last of a stream. */
  public ObjectNode usage(Usage usage) {
    ObjectNode body = chunk();
    body.putArray("choices");
    usage.putInto(body);
    return body;
  }

  private void empty(ObjectNode choice) {
    if (form == Form.CHAT) {
      choice.putObject("delta");
    } else {
      choice.put("text", "");
    }
  }

  private static ObjectNode choice(ObjectNode body, int index) {
    return body.putArray("choices")
        .addObject()
        .put("index", index)
        .putNull("logprobs")
        .putNull("finish_reason");
  }

  private ObjectNode chunk() {
    return envelope(form.chunk);
  }

  private ObjectNode envelope(String object) {
    return JsonNodeFactory.instance
        .objectNode()
        .put("id", id)
        .put("object", object)
        .put("created", created)
        .put("model", model)
        .put("system_fingerprint", fingerprint);
  }

  private void putLogprobs(ObjectNode choice, Optional<List<TokenLogprob>> tokens, int offset) {
    if (tokens.isEmpty()) {
      choice.putNull("logprobs");
      return;
    }
    ObjectNode logprobs = choice.putObject("logprobs");
    if (form == Form.CHAT) {
      ArrayNode content = logprobs.putArray("content");
      tokens.get().forEach(each -> each.addTo(content));
      logprobs.putNull("refusal");
      return;
    }
    ArrayNode texts = logprobs.putArray("tokens");
    ArrayNode values = logprobs.putArray("token_logprobs");
    ArrayNode tops = logprobs.putArray("top_logprobs");
    ArrayNode offsets = logprobs.putArray("text_offset");
    int at = offset;
    for (TokenLogprob each : tokens.get()) {
      texts.add(each.token());
      if (each.logprob().isEmpty()) {
        values.addNull();
        tops.addNull();
      } else {
        values.add(each.logprob().getAsDouble());
        putTop(tops.addObject(), each);
      }
      offsets.add(at);
      at += each.token().length();
    }
  }

  /** The most probable tokens, and the one that stands there; two of one text keep both. */
  private static void putTop(ObjectNode top, TokenLogprob written) {
    top.put(written.token(), written.logprob().getAsDouble());
    for (TokenLogprob.Alternative other : written.top()) {
      if (other.id() != written.id()) {
        String name = top.has(other.token()) ? "token_id:" + other.id() : other.token();
        top.put(name, other.logprob());
      }
    }
  }
}
