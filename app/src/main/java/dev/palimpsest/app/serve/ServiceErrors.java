package dev.palimpsest.app.serve;

import dev.palimpsest.app.openai.RequestException;
import java.util.Optional;

/** Errors that are no fault of the request's form. */
final class ServiceErrors {
  private ServiceErrors() {}

  static RequestException queueFull(int waiting) {
    return new RequestException(
        429,
        "rate_limit_error",
        "%d texts are waiting, which is all that the queue holds: try again later."
            .formatted(waiting),
        Optional.empty(),
        Optional.of("queue_full"));
  }

  static RequestException ending() {
    return new RequestException(
        503,
        "service_unavailable_error",
        "The server is about to end: try again later.",
        Optional.empty(),
        Optional.of("ending"));
  }

  static RequestException timedOut(long seconds) {
    return new RequestException(
        408,
        "timeout_error",
        "The text was not finished within %d seconds: ask for fewer tokens or steps."
            .formatted(seconds),
        Optional.empty(),
        Optional.of("timeout"));
  }

  static RequestException internal() {
    return new RequestException(
        500,
        "server_error",
        "The server failed; its log says more.",
        Optional.empty(),
        Optional.empty());
  }

  static RequestException noModel(String name, String served) {
    return new RequestException(
        404,
        "invalid_request_error",
        "The model \"%s\" does not exist: \"%s\" is served.".formatted(name, served),
        Optional.of("model"),
        Optional.of("model_not_found"));
  }

  static RequestException notFound(String what) {
    return new RequestException(
        404, "invalid_request_error", what, Optional.empty(), Optional.of("not_found"));
  }

  static RequestException tooLarge(int bytes) {
    return new RequestException(
        413,
        "invalid_request_error",
        "The body is larger than %d bytes, which is all that the server takes.".formatted(bytes),
        Optional.empty(),
        Optional.empty());
  }

  static RequestException slowBody() {
    return new RequestException(
        408,
        "timeout_error",
        "The body did not arrive in time.",
        Optional.empty(),
        Optional.empty());
  }

  static RequestException otherSite() {
    return new RequestException(
        403,
        "permission_error",
        "A page of another site asks, and only the server's own may.",
        Optional.empty(),
        Optional.empty());
  }

  static RequestException unauthorized() {
    return new RequestException(
        401,
        "authentication_error",
        "The API key is missing or wrong: send one as Authorization: Bearer KEY.",
        Optional.empty(),
        Optional.of("invalid_api_key"));
  }
}
