package dev.palimpsest.app.compare;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.Flow;
import java.util.function.UnaryOperator;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The lines of one streamed answer of a server with OpenAI's chat completions, as they arrive. */
final class ChatStream implements Flow.Subscriber<String> {
  private static final String DATA = "data:";
  private static final String DONE = "[DONE]";
  private static final int OK = 200;
  private static final int LONGEST_COMPLAINT = 200;
  private static final JsonMapper MAPPER = new JsonMapper();

  private final int status;
  private final StringBuilder text = new StringBuilder();
  private final StringBuilder complaint = new StringBuilder();
  private final List<Long> arrivals = new ArrayList<>();
  private int promptTokens = -1;
  private int tokens = -1;
  private boolean done;
  private String fault = "";

  ChatStream(int status) {
    this.status = status;
  }

  @Override
  public void onSubscribe(Flow.Subscription subscription) {
    subscription.request(Long.MAX_VALUE);
  }

  @Override
  public void onNext(String line) {
    if (status != OK) {
      if (complaint.length() < LONGEST_COMPLAINT) {
        complaint.append(complaint.isEmpty() ? "" : " ").append(line.strip());
      }
    } else if (line.startsWith(DATA) && !done && fault.isEmpty()) {
      event(line.substring(DATA.length()).strip());
    }
  }

  @Override
  public void onError(Throwable cause) {
    // The request that was sent reports it.
  }

  @Override
  public void onComplete() {
    // Whether it was the end shows in the events.
  }

  private void event(String data) {
    if (data.equals(DONE)) {
      done = true;
      return;
    }
    JsonNode event;
    try {
      event = MAPPER.readTree(data);
    } catch (JacksonException e) {
      fault = "sent an event that is no JSON: " + data;
      return;
    }
    if (event.hasNonNull("error") || event.path("object").asString("").equals("error")) {
      fault = "sent an error in the stream: " + complaint(event);
      return;
    }
    String piece = event.path("choices").path(0).path("delta").path("content").asString("");
    if (!piece.isEmpty()) {
      arrivals.add(System.nanoTime());
      text.append(piece);
    }
    JsonNode usage = event.path("usage");
    if (usage.path("completion_tokens").isInt()) {
      tokens = usage.path("completion_tokens").intValue();
    }
    if (usage.path("prompt_tokens").isInt()) {
      promptTokens = usage.path("prompt_tokens").intValue();
    }
  }

  /** What a server says of its error: with a message, in words, or as it is. */
  private static String complaint(JsonNode event) {
    JsonNode error = event.hasNonNull("error") ? event.path("error") : event;
    JsonNode message = error.path("message");
    return message.isString()
        ? message.stringValue()
        : error.isString() ? error.stringValue() : error.toString();
  }

  /**
   * What is wrong with the answer, now that its lines have ended, as the end of a sentence.
   *
   * @param secrets takes out of the server's words what must not be shown, before they are cut
   */
  String fault(UnaryOperator<String> secrets) {
    if (status != OK) {
      String said = cut(secrets.apply(complaint.toString()));
      return "answered with status " + status + (said.isEmpty() ? "" : ": " + said);
    }
    if (!fault.isEmpty()) {
      return cut(secrets.apply(fault));
    }
    if (!done) {
      return "ended its stream without " + DONE;
    }
    if (tokens < 0) {
      return "reported no usage.completion_tokens, so its tokens cannot be counted;"
          + " a server with stream_options.include_usage is needed";
    }
    return "";
  }

  private static String cut(String said) {
    return said.substring(0, Math.min(said.length(), LONGEST_COMPLAINT));
  }

  String text() {
    return text.toString();
  }

  int tokens() {
    return tokens;
  }

  /** Tokens of the prompt, if the server reports them. */
  OptionalInt promptTokens() {
    return promptTokens < 0 ? OptionalInt.empty() : OptionalInt.of(promptTokens);
  }

  /** When each piece of text came, by {@link System#nanoTime}. */
  List<Long> arrivals() {
    return arrivals;
  }
}
