package dev.palimpsest.app.serve;

import dev.palimpsest.app.openai.Fields;
import dev.palimpsest.app.openai.RequestException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.http.HttpException;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import tools.jackson.databind.JsonNode;

/** A request and its answer, as routes see them. */
final class Exchange {
  private static final String JSON = "application/json";
  private static final int BUFFER_BYTES = 8192;
  private static final long BODY_NANOS = TimeUnit.SECONDS.toNanos(30);

  private final Request request;
  private final Response response;
  private final int bodyBytes;
  private final List<String> parts;

  /**
   * An exchange.
   *
   * @param bodyBytes largest body that is read
   * @param parts of the path, for which its route has no name of its own
   */
  Exchange(Request request, Response response, int bodyBytes, List<String> parts) {
    this.request = request;
    this.response = response;
    this.bodyBytes = bodyBytes;
    this.parts = parts;
  }

  /** A part of the path that the route leaves open, from 0. */
  String part(int index) {
    return parts.get(index);
  }

  /** The path that was asked for. */
  String path() {
    return Request.getPathInContext(request);
  }

  /**
   * The fields of the body.
   *
   * @throws RequestException if it is too large, or no JSON object
   */
  Fields fields() throws IOException {
    if (request.getLength() > bodyBytes) {
      throw ServiceErrors.tooLarge(bodyBytes);
    }
    byte[] body;
    try (InputStream in = Request.asInputStream(request)) {
      body = read(in);
    } catch (IOException e) {
      if (e.getCause() instanceof HttpException bad) {
        throw RequestException.malformed("The body cannot be read: " + bad.getReason() + ".");
      }
      throw e;
    }
    // From here on it is the server that is waited for.
    request.addIdleTimeoutListener(_ -> false);
    return Fields.parse(body, path());
  }

  /** Each read has its time of its own; all together have one too. */
  private byte[] read(InputStream in) throws IOException {
    ByteArrayOutputStream body = new ByteArrayOutputStream();
    byte[] buffer = new byte[BUFFER_BYTES];
    long began = System.nanoTime();
    for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
      body.write(buffer, 0, count);
      if (body.size() > bodyBytes) {
        throw ServiceErrors.tooLarge(bodyBytes);
      }
      if (System.nanoTime() - began > BODY_NANOS) {
        throw ServiceErrors.slowBody();
      }
    }
    return body.toByteArray();
  }

  /** Whether the client has gone; does not wait. */
  boolean isGone() {
    return request.getConnectionMetaData().getConnection().getEndPoint()
            instanceof WatchedEndPoint endPoint
        && endPoint.isGone();
  }

  /** Closes the connection of a client that has gone. */
  void abandon() {
    request.getConnectionMetaData().getConnection().getEndPoint().close();
  }

  /** Answers with JSON. */
  void send(int status, JsonNode body) throws IOException {
    send(status, JSON, body.toString().getBytes(StandardCharsets.UTF_8));
  }

  /** Answers with anything. */
  void send(int status, String contentType, byte[] body) throws IOException {
    response.setStatus(status);
    header(HttpHeader.CONTENT_TYPE.asString(), contentType);
    Content.Sink.write(response, true, ByteBuffer.wrap(body));
  }

  /** Sets a header of the answer, before it is sent. */
  void header(String name, String value) {
    response.getHeaders().put(name, value);
  }

  /** Answers with an error. */
  void refuse(RequestException error) throws IOException {
    if (error.isDeterministic()) {
      header("x-should-retry", "false");
    } else {
      header("Retry-After", "1");
    }
    send(error.status(), error.body());
  }

  /** Begins an answer of events. */
  EventStream events() {
    response.setStatus(200);
    header(HttpHeader.CONTENT_TYPE.asString(), "text/event-stream; charset=utf-8");
    header(HttpHeader.CACHE_CONTROL.asString(), "no-cache");
    header("X-Accel-Buffering", "no"); // proxies are not to collect events
    return new EventStream(response);
  }
}
