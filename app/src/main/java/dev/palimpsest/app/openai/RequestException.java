package dev.palimpsest.app.openai;

import dev.palimpsest.sampler.method.InvalidOptionException;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** A request that gets an error for an answer: one sentence, in OpenAI's shape. */
public final class RequestException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private static final int BAD_REQUEST = 400;
  private static final int TIMEOUT = 408;
  private static final int TOO_MANY = 429;
  private static final int SERVER_ERROR = 500;

  private final int status;
  private final String type;
  private final @Nullable String param;
  private final @Nullable String code;

  /**
   * An error.
   *
   * @param status of HTTP
   * @param type OpenAI's name of its kind
   * @param param the parameter that is wrong, if it is one
   * @param code a name for programs, if there is one
   */
  public RequestException(
      int status, String type, String message, Optional<String> param, Optional<String> code) {
    super(message);
    this.status = status;
    this.type = type;
    this.param = param.orElse(null);
    this.code = code.orElse(null);
  }

  /** A parameter that is wrong; the message names it. */
  public static RequestException wrong(String param, String message) {
    return new RequestException(
        BAD_REQUEST, "invalid_request_error", message, Optional.of(param), Optional.empty());
  }

  /** A request that is wrong as a whole. */
  public static RequestException malformed(String message) {
    return new RequestException(
        BAD_REQUEST, "invalid_request_error", message, Optional.empty(), Optional.empty());
  }

  /**
   * An option that a sampler or the model refuses.
   *
   * @param naming from an option's reference name to the parameter that the request gave it by
   */
  public static RequestException of(InvalidOptionException refused, UnaryOperator<String> naming) {
    return wrong(naming.apply(refused.option()), refused.message(naming));
  }

  /** The status of HTTP. */
  public int status() {
    return status;
  }

  /** Whether the same request would get the same error again. */
  public boolean isDeterministic() {
    return status >= BAD_REQUEST
        && status < SERVER_ERROR
        && status != TIMEOUT
        && status != TOO_MANY;
  }

  /** The body that says so. */
  public ObjectNode body() {
    ObjectNode body = JsonNodeFactory.instance.objectNode();
    ObjectNode error = body.putObject("error");
    error.put("message", getMessage()).put("type", type);
    error.put("param", param).put("code", code);
    return body;
  }
}
