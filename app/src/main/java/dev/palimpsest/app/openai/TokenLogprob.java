package dev.palimpsest.app.openai;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.OptionalDouble;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A token of a text and how probable it was when it was written.
 *
 * @param id of the token
 * @param token what it adds to the text
 * @param logprob natural logarithm of its probability; none for a text's first token, which nothing
 *     predicts
 * @param top the most probable tokens there, most probable first
 */
public record TokenLogprob(int id, String token, OptionalDouble logprob, List<Alternative> top) {
  /** What OpenAI writes for the logarithm of 0, for which JSON has no number. */
  private static final double IMPOSSIBLE = -9999;

  /** A token that could have stood there. */
  public record Alternative(int id, String token, double logprob) {
    /** Bounds the logarithm. */
    public Alternative {
      logprob = bounded(logprob);
    }
  }

  /** Takes its own copy, and bounds the logarithm. */
  public TokenLogprob {
    top = List.copyOf(top);
    logprob = logprob.isPresent() ? OptionalDouble.of(bounded(logprob.getAsDouble())) : logprob;
  }

  private static double bounded(double logprob) {
    return Math.max(IMPOSSIBLE, logprob);
  }

  void addTo(ArrayNode content) {
    ObjectNode json = content.addObject();
    put(json, token, logprob.orElse(IMPOSSIBLE));
    ArrayNode others = json.putArray("top_logprobs");
    top.forEach(each -> put(others.addObject(), each.token(), each.logprob()));
  }

  private static void put(ObjectNode json, String token, double logprob) {
    json.put("token", token).put("logprob", logprob);
    // Part of a character shows as U+FFFD; its bytes are not known here.
    if (token.indexOf('\uFFFD') >= 0) {
      json.putNull("bytes");
      return;
    }
    ArrayNode bytes = json.putArray("bytes");
    for (byte each : token.getBytes(StandardCharsets.UTF_8)) {
      bytes.add(each & 0xFF);
    }
  }
}
